import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.answers import Answers
from fieldmark.serve.limits import Limits
from fieldmark.serve.tally import Tally
from fieldmark.serve.worker import open_for_one
from support.tiny_model import RED, picture_bytes, tiny_model_bytes


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_model_bytes())
    return path


def test_the_only_visitor_is_answered_by_the_same_model_with_more_threads(path):
    model = Model(path, threads=1)
    desk = Answers(model, Limits(), Tally())
    open_for_one(str(path), model.digest, 2, desk)
    assert desk.for_one.predict(picture_bytes(RED)) == model.predict(picture_bytes(RED))


@pytest.mark.parametrize("change", ["one thread", "another model", "gone"])
def test_one_thread_or_a_file_that_is_not_the_same_any_more_changes_nothing(path, change):
    model = Model(path, threads=1)
    desk = Answers(model, Limits(), Tally())
    if change == "another model":
        path.write_bytes(tiny_model_bytes(sharpness=3.0))
    elif change == "gone":
        path.unlink()
    open_for_one(str(path), model.digest, 1 if change == "one thread" else 2, desk)
    assert desk.for_one is None
