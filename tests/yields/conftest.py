import io

import pytest
from PIL import Image
from yield_samples import Sample

from fieldmark.terminal import Voice, speaking


@pytest.fixture
def sample(tmp_path):
    """A workspace with nothing in it yet."""
    made = Sample(tmp_path / "snakes")
    yield made
    made.catalog.close()


@pytest.fixture
def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (180, 60, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def aloud():
    """Lines go to stdout."""
    with speaking(Voice.STDOUT):
        yield
