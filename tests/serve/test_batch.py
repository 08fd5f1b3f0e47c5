import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.limits import Limits
from fieldmark.serve.rates import Rates
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes(threshold=0.3, cost=["coral->king=5"]))


@pytest.fixture
def client(model):
    return TestClient(create_app(model))


def small(model, **limits):
    return TestClient(create_app(model, Terms(limits=Limits(**limits))))


def batch(client, *files):
    return client.post("/batch", files=[("file", file) for file in files])


def refusal(response, status):
    assert response.status_code == status, response.text
    return response.json()["error"]


def test_each_picture_is_answered_by_itself_in_the_order_in_which_it_came(client):
    grey = picture_bytes((90, 90, 90))
    reply = batch(
        client, ("a.png", picture_bytes(RED)), ("b.txt", b"no picture"), ("c.png", picture_bytes(BLUE)), ("d.png", grey)
    ).json()

    assert [(answer["index"], answer["name"]) for answer in reply["answers"]] == [
        *((0, "a.png"), (1, "b.txt"), (2, "c.png"), (3, "d.png"))
    ]
    red, text, blue, unknown = reply["answers"]
    assert (red["predictions"][0][0], red["unknown"], red["decision"]) == ("coral", False, "coral")
    assert (text["status"], text["error"]) == (400, "That cannot be read as a picture: text, not a picture.")
    assert blue["predictions"][0][0] == "king"
    assert unknown["unknown"] is True
    assert reply["threshold"] == 0.3
    assert reply["model"]["classes"] == ["coral", "king"]


def test_an_answer_is_that_of_upload(client):
    alone = client.post("/upload", files={"file": ("a.png", picture_bytes((120, 60, 90)))}).json()
    (among,) = batch(client, ("a.png", picture_bytes((120, 60, 90)))).json()["answers"]
    assert {key: among[key] for key in ("predictions", "unknown", "unknown_score", "decision")} == {
        key: alone[key] for key in ("predictions", "unknown", "unknown_score", "decision")
    }


def test_as_many_as_allowed_are_taken_and_one_more_is_refused(model):
    client = small(model, batch=3)
    red = ("a.png", picture_bytes(RED))
    assert len(batch(client, red, red, red).json()["answers"]) == 3
    assert "More than 3 files" in refusal(batch(client, red, red, red, red), 413)


def test_a_picture_that_is_too_large_is_refused_alone(model):
    client = small(model, upload_bytes=1000, batch_bytes=100_000)
    reply = batch(client, ("big.bmp", bytes(1001)), ("a.png", picture_bytes(RED))).json()
    assert reply["answers"][0]["status"] == 413
    assert "larger" in reply["answers"][0]["error"]
    assert reply["answers"][1]["predictions"][0][0] == "coral"


def test_too_many_bytes_together_are_refused_whether_promised_or_not(model):
    client = small(model, batch_bytes=3000, form_bytes=500)
    files = [("a.png", bytes(1500)), ("b.png", bytes(1500)), ("c.png", bytes(1500))]
    assert "larger" in refusal(batch(client, *files), 413)
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(1500) + b"\r\n"
    chunks = (part for _ in range(5))
    assert "larger" in refusal(client.post("/batch", content=chunks, headers=FORM), 413)


def test_ten_thousand_parts_are_refused_at_the_first_too_many(client):
    field = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
    assert "damaged" in refusal(client.post("/batch", content=field * 10_000 + b"--b--\r\n", headers=FORM), 400)
    assert "16 files" in refusal(client.post("/batch", content=file * 10_000 + b"--b--\r\n", headers=FORM), 413)
    assert "damaged" in refusal(client.post("/upload", content=field * 10_000 + b"--b--\r\n", headers=FORM), 400)


def test_a_form_without_a_file_says_how_to_send_one(client):
    for response in (
        client.post("/batch"),
        client.post("/batch", json=[]),
        client.post("/batch", data={"file": "a.png"}),
        client.post("/batch", files={"picture": ("a.png", picture_bytes(RED))}),
        client.post("/batch", content=b"x", headers={"Content-Type": "multipart/form-data; boundary="}),
    ):
        assert "curl -F file=@photo.jpg" in refusal(response, 415)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 500,
        "\u202ea.png",
        "<script>.png",
        'a"b.png',
        "../../etc/passwd",
        "é\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_a_name_is_given_back_cut_short_and_as_json(client, name):
    reply = batch(client, (name, picture_bytes(RED)))
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.json()["answers"][0]["name"]) <= 100


def test_every_picture_of_a_batch_counts_against_its_address(model):
    client = TestClient(create_app(model, Terms(rates=Rates(3, 60.0))))
    red = ("a.png", picture_bytes(RED))
    assert batch(client, red, red, red).status_code == 200
    refused = batch(client, red)
    assert "Try again in" in refusal(refused, 429)
    assert int(refused.headers["Retry-After"]) >= 1
