import pytest

from fieldmark.deploy import first_answer
from fieldmark.deploy.first_answer import ask_fresh
from fieldmark.errors import TargetError

ANSWERS = """
import sys, json
try:
    import numpy
    has = True
except ImportError:
    has = False

def handler(event, context):
    body = {"numpy": has, "path": sys.path[0], "kind": event["headers"]["content-type"]}
    return {"statusCode": 200, "body": json.dumps(body)}
"""


def folder_with(tmp_path, handler):
    (tmp_path / "handler.py").write_text(handler)
    return tmp_path


def test_the_process_has_nothing_but_the_folder_and_the_standard_library(tmp_path):
    first = ask_fresh(folder_with(tmp_path, ANSWERS), b"a picture")

    assert first.reply == {"numpy": False, "path": str(tmp_path), "kind": "image/png"} and first.seconds > 0
    assert [path.name for path in tmp_path.iterdir()] == ["handler.py"]  # it wrote nothing


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("import nothing_of_that_name", "does not run: ModuleNotFoundError"),
        ("def handler(event, context): return {'statusCode': 400, 'body': 'no'}", "refused a picture: no"),
        ("import os; os._exit(9)", "does not run: nothing"),
    ],
)
def test_what_does_not_answer_is_said(tmp_path, handler, said):
    with pytest.raises(TargetError, match=said):
        ask_fresh(folder_with(tmp_path, handler), b"a picture")


def test_one_that_hangs_is_given_up_on(tmp_path, monkeypatch):
    monkeypatch.setattr(first_answer, "SECONDS", 1.0)
    with pytest.raises(TargetError, match="did not answer within 1 seconds"):
        ask_fresh(folder_with(tmp_path, "import time; time.sleep(600)"), b"a picture")
