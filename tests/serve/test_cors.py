import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.rates import Rates
from support.tiny_model import RED, picture_bytes, tiny_model_bytes

PAGE = "https://snakes.example"


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


def asking(model, *origins, **terms):
    return TestClient(create_app(model, Terms(origins=origins, **terms)))


def preflight(client, origin, headers="content-type"):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    return client.options("/upload", headers=asked)


def upload(client, origin):
    return client.post("/upload", files={"file": ("a.png", picture_bytes(RED))}, headers={"Origin": origin})


def test_a_listed_page_may_ask_and_read(model):
    client = asking(model, PAGE)
    allowed = preflight(client, PAGE, "authorization, x-request-id")
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    answer = upload(client, PAGE)
    assert answer.json()["predictions"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize(
    "origin", ["https://snakes.example.evil", "http://snakes.example", "https://other.example", "null"]
)
def test_another_page_may_not_read(model, origin):
    client = asking(model, PAGE)
    assert "access-control-allow-origin" not in preflight(client, origin).headers
    assert "access-control-allow-origin" not in upload(client, origin).headers


def test_every_page_may_where_that_was_said(model):
    assert upload(asking(model, "*"), "https://anywhere.example").headers["access-control-allow-origin"] == "*"


def test_nothing_of_it_is_there_where_no_page_is_listed(model):
    client = asking(model)
    assert preflight(client, PAGE).status_code == 405
    assert not [name for name in upload(client, PAGE).headers if name.startswith("access-control")]


def test_a_refusal_can_be_read_by_the_page_too(model):
    client = asking(model, PAGE, key="open-sesame-0123456789", rates=Rates(1, 60.0))
    assert preflight(client, PAGE).status_code == 200  # browsers send no key with it
    refused = upload(client, PAGE)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
