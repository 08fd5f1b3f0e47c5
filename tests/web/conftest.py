from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.workspace import cache_folder
from fieldmark.web import folder, runtime
from fieldmark.web.runtime import Runtime
from fieldmark.web.site import build
from support.chromium import chromium


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def web_runtime() -> Runtime:
    """ONNX Runtime Web as `make browser` has put it into the cache; no test fetches it."""
    kept = cache_folder() / "web" / runtime.pinned().file_name
    if not kept.is_file():
        pytest.skip(f"there is no {kept}; `make browser` fetches it")
    return runtime.gather(kept)


@pytest.fixture
def write_page(web_runtime, tmp_path) -> Callable[..., Path]:
    """Write the page of a model into a folder, by default one of the test's own."""

    def write(model: bytes, out: Path = tmp_path / "page") -> Path:
        folder.write(build(model, Model(model).info, web_runtime), out)
        return out

    return write
