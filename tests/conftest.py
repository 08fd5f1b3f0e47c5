"""What many tests share: small folders of painted photos, one tiny run, and the real photos where they lie."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.artifacts.runs import Run
from fieldmark.config import TrainSettings

REAL = Path(os.environ.get("FIELDMARK_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

COLOURS = {"red": (200, 40, 40), "blue": (40, 40, 200), "green": (40, 180, 60)}

TINY = {"epochs": (1, 1), "size": 64, "batch": 8, "head_lr": 1e-2, "lr": (1e-5, 1e-4)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep what is remembered about runs and folders out of the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def paint_flat(folder: Path, classes: dict[str, int], seed: int = 0, size: tuple[int, int] = (60, 80)) -> Path:
    """Write PNGs of nearly one colour: `classes` maps a name of COLOURS to a number of photos."""
    rng = np.random.default_rng(seed)
    for name, n in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            pixels = np.array(COLOURS[name]) + rng.integers(-40, 40, (*size, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i:03}.png")
    return folder


@pytest.fixture
def flat_folder(tmp_path):
    return paint_flat(tmp_path / "colours", {"red": 12, "blue": 12})


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return paint_flat(tmp_path_factory.mktemp("tiny") / "colours", {"red": 14, "blue": 14})


@pytest.fixture(scope="session")
def tiny_run(tiny_folder, tmp_path_factory) -> Run:
    """A run that takes seconds: two easy classes, small pictures, one epoch a stage."""
    from fieldmark.pipeline.train import train

    return train(tiny_folder, TrainSettings.of(TINY), tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def tiny_model_file(tiny_run, tmp_path_factory) -> Path:
    from fieldmark.pipeline.export import export

    return export(tiny_run, tmp_path_factory.mktemp("models") / "tiny.onnx").path


@pytest.fixture(scope="session")
def real_photos():
    """The folder of real photos; tests copy what they use, for nothing of ours may land in it."""
    if not REAL.is_dir():
        pytest.skip(f"the real photos are not at {REAL}")
    return REAL
