import json
import os
from pathlib import Path

import pytest

from fieldmark.cli import main
from fieldmark.demo import tour

pytestmark = pytest.mark.long


@pytest.fixture
def short(monkeypatch):
    """The same tour with few small pictures: what it does is tested here, what it learns by `make demo`."""
    monkeypatch.setattr(tour, "PER_CLASS", 6)
    monkeypatch.setattr(
        tour, "SETTINGS", {"epochs": (1, 1), "size": 64, "batch": 4, "head_lr": 0.01, "lr": (1e-5, 1e-4)}
    )


def test_the_demo_goes_the_whole_way(short, tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "demo"), "--json"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)

    assert "painted, not photographed" in printed.err
    assert all(Path(facts[name]).exists() for name in ("folder", "harvest", "run", "report", "model", "photo"))
    assert sorted(name for name, _ in facts["answer"]["predictions"]) == ["coral", "king"]
    harvested = list((tmp_path / "demo" / "snakes" / "photos").rglob("*.jpg"))
    assert facts["metrics"]["n_train"] + facts["metrics"]["n_valid"] == len(harvested) >= 8
    assert "curl -F file=@" in printed.err and "Try next" in printed.err


def test_a_second_demo_picks_up_the_photos_of_the_first(short, tmp_path):
    photos = []
    for _ in range(2):
        assert main(["demo", "-o", str(tmp_path / "demo")]) == 0
        lying = (tmp_path / "demo" / "snakes" / "photos").rglob("*.jpg")
        photos.append({path: path.stat().st_mtime_ns for path in lying})

    assert photos[0] == photos[1] and len(photos[0]) >= 8
    assert len(list((tmp_path / "demo" / "snakes" / "runs").iterdir())) == 2


def test_the_demo_leaves_the_environment_as_it_was(short, tmp_path):
    before = dict(os.environ)
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 0
    assert dict(os.environ) == before
