"""What many tests share: small folders of painted photos, one tiny run, and the real photos where they lie."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from fieldmark.artifacts.runs import Run
from fieldmark.config import TrainSettings
from support.chromium import chromium
from support.flat import TINY, paint_flat

REAL = Path(os.environ.get("FIELDMARK_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

# The same examples every time, so that a change is to blame for what breaks. To look further:
# HYPOTHESIS_PROFILE=search make quick. No deadlines: how long an example takes says more about the machine.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_collection_modifyitems(items):
    """Begin with the files that hold long tests: of two at work neither should be left with one of them at the end."""
    lengthy = {item.path for item in items if item.get_closest_marker("long") or item.get_closest_marker("photos")}
    items.sort(key=lambda item: item.path not in lengthy)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep what is remembered about runs and folders out of the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


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
def tiny_int8_file(tiny_run, tmp_path_factory) -> Path:
    from fieldmark.pipeline.export import export

    return export(tiny_run, tmp_path_factory.mktemp("models") / "tiny8.onnx", precision="int8").path


@pytest.fixture(scope="session")
def real_photos():
    """The folder of real photos; tests copy what they use, for nothing of ours may land in it."""
    if not REAL.is_dir():
        pytest.skip(f"the real photos are not at {REAL}")
    return REAL


@pytest.fixture(scope="module")
def browser():
    """A Chromium for each file of tests: while Playwright has one open, nothing else in the process can run a loop."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def web_runtime():
    """ONNX Runtime Web as `make browser` has put it into the cache; no test fetches it."""
    from fieldmark.artifacts.workspace import cache_folder
    from fieldmark.web import runtime

    kept = cache_folder() / "web" / runtime.pinned().file_name
    if not kept.is_file():
        pytest.skip(f"there is no {kept}; `make browser` fetches it")
    return runtime.gather(kept)


@pytest.fixture
def write_page(web_runtime, tmp_path) -> Callable[..., Path]:
    """Write the static page of a model into a folder, by default one of the test's own."""
    from fieldmark.artifacts.modelfile import Model
    from fieldmark.web import folder
    from fieldmark.web.site import build

    def write(model: bytes, out: Path = tmp_path / "page") -> Path:
        folder.write(build(model, Model(model).info, web_runtime), out)
        return out

    return write
