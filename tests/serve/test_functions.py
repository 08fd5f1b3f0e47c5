"""What a functions host would hand over, and what it gets back: the server's own answers."""

import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.deploy.first_answer import event_for
from fieldmark.errors import ModelFileError
from fieldmark.serve.app import create_app
from fieldmark.serve.functions import as_handler, open_app
from support.bad_web import bad_web
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

BOUNDARY = "b0undary"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("functions") / "model.onnx"
    path.write_bytes(tiny_model_bytes(threshold=0.4, cost=["coral->king=10"]))
    return path


@pytest.fixture(scope="module")
def app(model_file):
    return open_app(model_file)


@pytest.fixture(scope="module")
def handler(app):
    return as_handler(app)


@pytest.fixture(scope="module")
def server(model_file):
    return TestClient(create_app(Model(model_file)))


def form(content, boundary=BOUNDARY, name="file"):
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n\r\n'.encode()
    return head + content + f"\r\n--{boundary}--\r\n".encode()


def v2(method, path, body=b"", kind=None, **headers):
    """An HTTP API's or a function URL's event, payload 2.0."""
    event = event_for(body, kind or "text/plain")
    event["requestContext"]["http"].update(method=method, path=path)
    event["headers"].update(headers)
    return {**event, "rawPath": path}


def v1(method, path, body=b"", kind="text/plain"):
    """A REST API's event, payload 1.0."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": kind, "Host": "x.example"},
        "multiValueHeaders": {"Content-Type": [kind], "Host": ["x.example"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"identity": {"sourceIp": "203.0.113.7"}, "stage": "prod"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def balancer(method, path, body=b"", kind="text/plain"):
    """A load balancer's event."""
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {"content-type": kind, "host": "x.example", "x-forwarded-for": "203.0.113.7"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def answered(reply, status=200):
    assert reply["statusCode"] == status, reply["body"]
    assert reply["headers"]["content-type"] == "application/json" and reply["isBase64Encoded"] is False
    return json.loads(reply["body"])


@pytest.mark.parametrize("event", [v2, v1, balancer])
def test_a_form_gets_the_very_answer_of_the_server_whatever_passes_it_on(handler, server, event):
    picture = picture_bytes(RED)
    reply = handler(event("POST", "/upload", form(picture), f"multipart/form-data; boundary={BOUNDARY}"), None)

    assert answered(reply) == server.post("/upload", files={"file": picture}).json()


@pytest.mark.parametrize("event", [v2, v1, balancer])
@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG", "application/octet-stream"])
def test_a_picture_sent_as_it_is_is_taken_too(handler, server, event, kind):
    picture = picture_bytes(BLUE)

    reply = answered(handler(event("POST", "/upload", picture, kind), None))

    assert reply == server.post("/upload", files={"file": picture}).json()
    assert reply["predictions"][0][0] == "king" and reply["decision"] == "king"


def test_a_text_body_is_a_url_to_fetch_and_the_guard_stands_before_it(handler, monkeypatch):
    def asking(url):
        event = v2("POST", "/classify-url", kind="application/json")
        return {**event, "isBase64Encoded": False, "body": json.dumps({"url": url})}

    with bad_web() as web:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        found = answered(handler(asking(web.picture("/a.png", picture_bytes(BLUE))), None))
    metadata = answered(handler(asking("http://169.254.169.254/latest/meta-data/"), None), 422)

    assert found["predictions"][0][0] == "king" and "error" in metadata


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (v2("POST", "/upload", b"no picture", "image/jpeg"), 400),
        (v2("POST", "/upload", b"", "image/jpeg"), 400),
        (v2("POST", "/upload", b"no form", "multipart/form-data; boundary=x"), 400),
        (v2("POST", "/upload", b"text", "text/plain"), 415),
        (v2("POST", "/upload", bytes(17 * 2**20), "image/png"), 413),
        (v2("POST", "/classify-url", b"no json", "application/json"), 422),
        (v2("GET", "/upload"), 405),
        (v2("GET", "/nothing"), 404),
    ],
)
def test_refusals_are_the_servers_with_its_status_codes(handler, event, status):
    sentence = answered(handler(event, None), status)["error"]

    assert sentence.isprintable() and len(sentence) < 400


def test_the_page_and_the_description_are_there(handler):
    page = handler(v2("GET", "/"), None)
    said = answered(handler(v2("GET", "/healthz"), None))

    assert page["statusCode"] == 200 and page["headers"]["content-type"].startswith("text/html")
    assert "coral" in page["body"] and "content-security-policy" in page["headers"]
    assert said["status"] == "ok" and said["model"]["classes"] == ["coral", "king"]
    assert "/upload" in answered(handler(v2("GET", "/openapi.json"), None))["paths"]


def test_one_instance_answers_again_and_again(handler):
    event = v2("POST", "/upload", picture_bytes(RED), "image/png")

    assert len({json.dumps(answered(handler(event, None))) for _ in range(20)}) == 1


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        7,
        {},
        {"key1": "value1"},  # what a console's test button sends
        {"Records": [{"eventSource": "aws:s3"}]},
        {"version": "2.0", "requestContext": {}},
        {"version": "2.0", "requestContext": None},
        {**v2("POST", "/upload", b"x"), "body": "not base64!"},
        {**v2("POST", "/upload", b"x"), "body": 7},
        {**v2("POST", "/upload", b"x"), "headers": None},
        v2("GET", "/", host="a:b:c"),
        {k: v for k, v in v1("GET", "/").items() if k != "httpMethod"},
    ],
)
def test_what_is_no_request_gets_a_sentence(handler, event):
    assert "HTTP" in answered(handler(event, None), 400)["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(v2("POST", "/upload"))), value=JSON)
def test_a_field_of_an_event_may_hold_anything(handler, field, value):
    event = v2("POST", "/upload", picture_bytes(RED), "image/png")

    reply = handler({**event, field: value}, None)

    assert reply["statusCode"] in (200, 400, 404, 405, 413, 415, 422), reply
    assert isinstance(json.dumps(reply), str)


@given(content=st.binary(max_size=300))
def test_a_bare_body_may_hold_anything_a_boundary_too(handler, content):
    reply = handler(v2("POST", "/upload", b"\r\n--" + content, "image/png"), None)

    assert "error" in answered(reply, 400)


def test_the_app_is_one_for_asgi_servers_too_with_bodies_in_pieces(app, server):
    client, picture = TestClient(app), picture_bytes(RED, size=(700, 500), format="BMP")  # a million bytes
    pieces = (picture[i : i + 65536] for i in range(0, len(picture), 65536))

    reply = client.post("/upload", content=pieces, headers={"content-type": "image/bmp"})

    assert reply.json() == server.post("/upload", files={"file": picture}).json()


def test_pictures_are_decoded_as_everywhere_turned_upright(handler, model_file):
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), RED).save(buffer, "JPEG", exif=exif)

    reply = answered(handler(v2("POST", "/upload", buffer.getvalue(), "image/jpeg"), None))

    assert reply["predictions"] == Model(model_file).predict(buffer.getvalue()).to_dict()["predictions"]


def test_a_model_file_that_is_none_is_said_at_the_start(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"nothing")

    with pytest.raises(ModelFileError, match="not an ONNX model"):
        open_app(tmp_path / "model.onnx")
