import io
import json

import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.log import Log
from fieldmark.serve.tally import Tally
from support.tiny_model import RED, picture_bytes, tiny_model_bytes


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


@pytest.fixture
def lines():
    return io.StringIO()


def client_with(model, form, lines):
    return TestClient(create_app(model, Terms(log=Log(form, lines))), raise_server_exceptions=False)


def records(lines):
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_every_answer_has_an_id_of_its_own(model):
    client = TestClient(create_app(model))
    ids = [client.get(path).headers["x-request-id"] for path in ("/", "/healthz", "/nothing", "/page.css", "/upload")]
    assert len(set(ids)) == len(ids)
    assert all(len(id_) == 16 for id_ in ids)


@pytest.mark.parametrize("sane", ["a", "1f3a9c2e-7b", "2d:1.4_x", "A" * 64])
def test_an_id_that_the_request_brings_is_kept(model, sane):
    answer = TestClient(create_app(model)).get("/nothing", headers={"X-Request-ID": sane})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == sane


@pytest.mark.parametrize("insane", ["", " ", "A" * 65, "a b", "-a", "<script>", "a\tb", "é", "a;b", "a\x00"])
def test_an_id_that_could_do_harm_is_replaced(model, insane):
    answer = TestClient(create_app(model)).get("/nothing", headers={b"X-Request-ID": insane.encode("latin-1")})
    assert answer.headers["x-request-id"] != insane
    assert len(answer.headers["x-request-id"]) == 16


def test_a_request_is_a_line_of_json_with_the_id_of_its_answer(model, lines):
    client = client_with(model, "json", lines)
    answered = client.post("/upload", files={"file": ("secret-name.png", picture_bytes(RED))})
    refused = client.post("/upload", files={"file": ("a.png", b"no picture")})

    first, second = records(lines)
    assert first["request_id"] == answered.headers["x-request-id"]
    assert (first["method"], first["path"]) == ("POST", "/upload")
    assert (first["status"], first["client"], first["level"], first["event"]) == (200, "testclient", "info", "request")
    assert first["ms"] > 0
    assert "reason" not in first
    assert (second["status"], second["reason"]) == (400, "not_a_picture")
    assert second["request_id"] == refused.json()["request_id"]


def test_what_a_picture_shows_and_what_was_asked_is_not_written_down(model, lines):
    client = client_with(model, "json", lines)
    client.post("/upload?token=sesame", files={"file": ("secret-name.png", picture_bytes(RED))})
    client.post(
        "/classify-url", json={"url": "http://127.0.0.1/private?key=sesame"}, headers={"Authorization": "Bearer sesame"}
    )
    client.get("/?password=sesame", headers={"Cookie": "sesame", "Referer": "https://sesame.example"})

    written = lines.getvalue()
    assert len(written.splitlines()) == 3
    for secret in ("sesame", "secret-name", "coral", "private"):
        assert secret not in written


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_hostile_path_stays_one_line_of_bounded_length(model, lines, form):
    client_with(model, form, lines).get("/a%0Ab%1b[31m" + "x" * 5000)
    (line,) = lines.getvalue().splitlines()
    assert line.isprintable()
    assert len(line) < 500


def test_a_line_can_be_read_by_a_person(model, lines):
    answer = client_with(model, "text", lines).get("/docs")
    assert lines.getvalue().endswith(f" ms testclient {answer.headers['x-request-id']}\n")
    assert " GET /docs 200 " in lines.getvalue()


def test_without_a_log_nothing_is_written(model, lines, capsys):
    client_with(model, "none", lines).get("/docs")
    assert lines.getvalue() == capsys.readouterr().err == ""


def test_what_is_asked_for_all_day_is_not_written_down_unless_it_fails(model, lines):
    client = client_with(model, "json", lines)
    for path in ("/healthz", "/metrics", "/page.css", "/favicon.svg"):
        assert client.get(path).status_code == 200
    assert records(lines) == []
    client.post("/healthz")
    assert [record["status"] for record in records(lines)] == [405]


def test_a_fault_of_ours_is_noted_as_one(model, lines):
    class Broken:
        info, digest = model.info, model.digest

        def predict(self, pixels):
            raise RuntimeError("out of order")

    answer = client_with(Broken(), "json", lines).post("/upload", files={"file": ("a.png", picture_bytes(RED))})
    (record,) = records(lines)
    assert (record["status"], record["reason"]) == (500, "fault")
    assert record["request_id"] == answer.json()["request_id"] == answer.headers["x-request-id"]


def test_nothing_is_in_flight_once_all_is_answered(model):
    tally = Tally()
    client = TestClient(create_app(model, Terms(tally=tally)), raise_server_exceptions=False)
    client.get("/")
    client.post("/upload", content=b"x")
    assert tally.total("gauge", "in_flight") == 0
    assert "fieldmark_in_flight 1.0" in client.get("/metrics").text
