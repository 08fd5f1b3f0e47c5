import gzip
import hashlib
import io
import json
import struct
import threading
import zlib

import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import WrongUsage
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.limits import Limits
from support.bad_web import bad_web
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes
from support.until import until_true


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


@pytest.fixture
def client(model):
    return TestClient(create_app(model))


@pytest.fixture
def web(monkeypatch):
    with bad_web() as web:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        yield web


def upload(client, content, name="photo.jpg"):
    return client.post("/upload", files={"file": (name, content)})


def assert_refused(response, status):
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error", "request_id"]
    assert response.json()["request_id"] == response.headers["x-request-id"]
    sentence = response.json()["error"]
    assert sentence.isprintable()
    assert sentence.endswith((".", ")", "file=@photo.jpg"))
    assert len(sentence) < 400
    return sentence


def huge_png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_an_upload_gets_every_class_best_first_and_the_model_that_answered(client):
    reply = upload(client, picture_bytes(RED)).json()
    assert [name for name, _ in reply["predictions"]] == ["coral", "king"]
    assert reply["predictions"][0][1] > 0.9
    assert sum(p for _, p in reply["predictions"]) == pytest.approx(1, abs=1e-5)
    assert reply["unknown"] is False
    assert reply["threshold"] is None
    assert reply["unknown_score"] == pytest.approx(1 - reply["predictions"][0][1], abs=1e-5)
    assert reply["model"] == {
        "classes": ["coral", "king"],
        "backbone": "mean_colour",
        "version": "0.0.0",
        "schema": 1,
        "sha256": hashlib.sha256(tiny_model_bytes()).hexdigest()[:16],
    }
    assert upload(client, picture_bytes(BLUE)).json()["predictions"][0][0] == "king"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_content_decides_what_a_file_is_and_not_its_name(client, format):
    reply = upload(client, picture_bytes(RED, format=format), name="../../etc/passwd.txt")
    assert reply.json()["predictions"][0][0] == "coral"


def test_a_photo_unlike_the_training_photos_is_unknown():
    client = TestClient(create_app(Model(tiny_model_bytes(threshold=0.3))))
    grey = upload(client, picture_bytes((90, 90, 90))).json()
    assert (grey["unknown"], grey["threshold"]) == (True, 0.3)
    assert len(grey["predictions"]) == 2
    assert upload(client, picture_bytes(RED)).json()["unknown"] is False


def test_a_model_with_costs_says_what_to_do_where_that_is_not_the_likeliest(client):
    priced = TestClient(create_app(Model(tiny_model_bytes(sharpness=3.0, cost=["coral->king=1000"]))))
    reply = upload(priced, picture_bytes(BLUE)).json()
    assert (reply["predictions"][0][0], reply["decision"]) == ("king", "coral")
    assert reply["advice"].startswith("Treat it as coral")
    assert 0 < reply["expected_cost"] < 1
    sure = upload(priced, picture_bytes(RED)).json()
    assert (sure["decision"], sure["advice"]) == ("coral", None)
    answer = priced.get("/openapi.json").json()["components"]["schemas"]["Answer"]["properties"]
    assert {"decision", "expected_cost", "advice"} <= answer.keys()
    assert not {"decision", "expected_cost", "advice"} & upload(client, picture_bytes(BLUE)).json().keys()


def test_a_thumbnail_comes_back_only_when_asked_for(client):
    assert "thumbnail" not in upload(client, picture_bytes(RED)).json()
    files = {"file": ("a.png", picture_bytes(RED, size=(1000, 500)))}
    reply = client.post("/upload", files=files, data={"thumbnail": "1"}).json()
    assert reply["thumbnail"].startswith("data:image/jpeg;base64,")


def test_what_is_not_a_picture_is_refused_and_named(client):
    assert "an empty file" in assert_refused(upload(client, b""), 400)
    assert "text" in assert_refused(upload(client, b"I am no picture"), 400)
    assert "an HTML page" in assert_refused(upload(client, b"<!doctype html><p>hello"), 400)
    assert "a PDF document" in assert_refused(upload(client, b"%PDF-1.7"), 400)
    assert_refused(upload(client, bytes(range(256)) * 40), 400)


def test_half_a_jpeg_is_refused(client):
    whole = picture_bytes(RED, size=(400, 300), format="JPEG")
    assert "cut short" in assert_refused(upload(client, whole[: len(whole) // 2]), 400)


def test_a_picture_of_900_million_pixels_is_refused_by_its_header(client):
    assert "64 million" in assert_refused(upload(client, huge_png()), 413)


def test_an_upload_of_20_mb_is_refused_whatever_is_in_it(client):
    assert "16 MiB" in assert_refused(upload(client, bytes(20_000_000)), 413)
    assert "16 MiB" in assert_refused(upload(client, picture_bytes(RED) + bytes(20_000_000)), 413)


def test_16_mib_are_taken_and_one_byte_more_is_not(client):
    padded = picture_bytes(RED, format="JPEG").ljust(16 * 2**20, b"\0")
    assert upload(client, padded).status_code == 200
    assert_refused(upload(client, padded + b"\0"), 413)


def test_a_request_without_a_file_says_how_to_send_one(client):
    for response in (
        client.post("/upload"),
        client.post("/upload", content=b""),
        client.post("/upload", content=picture_bytes(RED), headers={"Content-Type": "image/png"}),
        client.post("/upload", data={"file": "photo.jpg"}),
        client.post("/upload", json={"file": "photo.jpg"}),
        client.post("/upload", content=b"x", headers={"Content-Type": "multipart/form-data"}),
        client.post("/upload", files={"picture": ("a.png", picture_bytes(RED))}),
        client.post("/upload", files={"file": ("", b"")}),
        client.post("/upload", content=b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}),
    ):
        assert "curl -F file=@photo.jpg" in assert_refused(response, 415)


def test_two_files_in_one_form_are_refused_rather_than_one_ignored(client):
    files = [("file", ("a.png", picture_bytes(RED))), ("file", ("b.png", picture_bytes(BLUE)))]
    assert "2 files" in assert_refused(client.post("/upload", files=files), 400)


FORM = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a form at all",
        PART,
        PART + b"half a pict",
        b"--b\r\nno header here\r\n\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 100) + b"--b--\r\n",
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 10_000) + b"--b--\r\n",
    ],
)
def test_a_damaged_form_is_refused(client, body):
    assert_refused(client.post("/upload", content=body, headers=FORM), 400)


@pytest.mark.parametrize(
    "name", ['"><script>alert(1)</script>.png', "a\r\nSet-Cookie: x=1.png", "\x00", "é" * 200, "../../../x", "𝕊"]
)
def test_a_hostile_file_name_is_neither_used_nor_repeated(client, name):
    good, bad = upload(client, picture_bytes(RED), name), upload(client, b"no picture", name)
    assert good.status_code == 200
    assert_refused(bad, 400)
    for response in (good, bad):
        assert "script" not in response.text
        assert "set-cookie" not in response.headers


def test_random_bytes_never_make_the_server_fail(client):
    import random

    chance = random.Random(3)
    pictures = [picture_bytes(RED, format=format) for format in ("JPEG", "PNG", "WEBP", "GIF", "TIFF")]
    for turn in range(150):
        content = bytearray(pictures[turn % len(pictures)])
        for _ in range(chance.randint(1, 12)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        response = upload(client, bytes(content[: chance.randint(1, len(content))]))
        assert response.status_code in (200, 400, 413)
    for _ in range(60):
        body = chance.randbytes(chance.randint(0, 300))
        assert client.post("/classify-url", content=body).status_code == 422
        assert client.post("/upload", content=body, headers=FORM).status_code == 400
    assert upload(client, picture_bytes(RED)).status_code == 200


def test_a_url_is_fetched_and_classified(client, web):
    reply = client.post("/classify-url", json={"url": web.picture("/a.png", picture_bytes(BLUE))})
    assert reply.json()["predictions"][0][0] == "king"
    reply = client.post("/classify-url", json={"url": web.url("/a.png"), "thumbnail": True})
    assert reply.json()["thumbnail"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg",
        "http://127.0.0.1:22/",
        "http://localhost/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1]/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0/",
        "http://10.0.0.1/",
        "http://[fd00:ec2::254]/",
        "http://user:secret@127.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.jpg",
        "data:image/png;base64,AAAA",
        "https://" + "a" * 20_000 + ".example/",
        "snake.jpg",
        "//127.0.0.1/",
        "http://",
        "http://a\r\nb/",
        "http://nowhere.invalid/a.jpg",
    ],
)
def test_a_url_we_will_not_call_is_refused(client, url):
    assert_refused(client.post("/classify-url", json={"url": url}), 422)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b"42", b'"http://x/"', b"{}", b'{"url": 5}', b'{"url": null}', b'{"url": "  "}'),
        *(b"\xff\xfe", b"[" * 60_000, b'{"url": {"url": "http://x/"}}', b'{"URL": "http://x/"}'),
    ],
)
def test_a_request_without_a_url_says_how_to_send_one(client, body):
    assert "https://example.org" in assert_refused(client.post("/classify-url", content=body), 422)


@pytest.mark.parametrize("padding", [70_000, 5_000_000])
def test_a_request_over_64_kib_is_refused_where_only_a_url_is_expected(client, padding):
    body = json.dumps({"url": "https://example.org/", "padding": "x" * padding})
    assert "64 KiB" in assert_refused(client.post("/classify-url", content=body), 413)


def test_a_redirect_to_a_private_address_is_refused_and_never_asked(client, web):
    with bad_web() as inside:
        web.redirect("/in", inside.picture("/secret", picture_bytes(RED)))
        assert_refused(client.post("/classify-url", json={"url": web.url("/in")}), 422)
        assert inside.requests == []
    for target in ("http://169.254.169.254/", "file:///etc/passwd", "http://[::ffff:10.0.0.1]/"):
        assert_refused(client.post("/classify-url", json={"url": web.redirect("/in", target)}), 422)


def test_a_bad_web_gets_a_sentence_and_the_server_lives_on(model, web):
    client = TestClient(create_app(model, Terms(limits=Limits(fetch_seconds=1.0))))
    for path in ("/endless", "/bomb", "/twice-packed", "/slow", "/silent", "/liar", "/around", "/missing"):
        assert_refused(client.post("/classify-url", json={"url": web.url(path)}), 422)
    assert_refused(client.post("/classify-url", json={"url": web.picture("/page", b"<html>hello")}), 400)
    assert_refused(client.post("/classify-url", json={"url": web.picture("/huge", huge_png())}), 413)
    assert_refused(client.post("/classify-url", json={"url": web.picture("/empty", b"")}), 400)
    assert upload(client, picture_bytes(RED)).status_code == 200


def test_a_gzipped_picture_on_the_web_is_unpacked(client, web):
    packed = gzip.compress(picture_bytes(RED))
    web.answers["/a.png"] = (200, {"Content-Type": "image/png", "Content-Encoding": "gzip"}, packed)
    reply = client.post("/classify-url", json={"url": web.url("/a.png")})
    assert reply.json()["predictions"][0][0] == "coral"


def test_more_requests_than_places_are_sent_away_until_one_is_free(model):
    entered, leave = threading.Event(), threading.Event()

    class SlowModel:
        info, digest = model.info, model.digest

        def predict(self, pixels):
            entered.set()
            leave.wait(10)
            return model.predict(pixels)

    app = create_app(SlowModel(), Terms(limits=Limits(waiting=1, threads=1)))
    with TestClient(app) as client:
        crowd = [threading.Thread(target=upload, args=(client, picture_bytes(RED))) for _ in range(2)]
        crowd[0].start()
        assert entered.wait(10)
        crowd[1].start()
        until_true(lambda: app.answers.waiting == 1)
        turned_away = upload(client, picture_bytes(RED))
        assert "Try again" in assert_refused(turned_away, 503)
        assert int(turned_away.headers["Retry-After"]) >= 1
        assert client.get("/healthz").status_code == 200
        leave.set()
        for visitor in crowd:
            visitor.join()
        assert upload(client, picture_bytes(RED)).status_code == 200


def test_a_fault_of_ours_is_json_too_and_is_not_hidden(model):
    class BrokenModel:
        info, digest = model.info, model.digest

        def predict(self, pixels):
            raise RuntimeError("out of order")

    app = create_app(BrokenModel())
    response = upload(TestClient(app, raise_server_exceptions=False), picture_bytes(RED))
    assert "our mistake" in assert_refused(response, 500)
    assert "out of order" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    with pytest.raises(RuntimeError, match="out of order"):
        upload(TestClient(app), picture_bytes(RED))


def test_unknown_paths_and_methods_are_json_too(client):
    assert_refused(client.get("/nothing"), 404)
    assert_refused(client.get("/upload/"), 404)
    refused = client.get("/upload")
    assert "POST" in assert_refused(refused, 405)
    assert refused.headers["Allow"] == "POST"
    assert_refused(client.post("/"), 405)
    assert_refused(client.delete("/classify-url"), 405)


def test_healthz_names_the_model(client):
    health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["model"]["classes"] == ["coral", "king"]


def test_metrics_count_requests_by_route_and_status(client):
    upload(client, picture_bytes(RED))
    upload(client, b"no picture")
    upload(client, b"no picture")
    client.get("/etc/passwd")
    client.get("/wp-login.php")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'fieldmark_requests_total{route="/upload",status="200"} 1.0' in answer.text
    assert 'fieldmark_requests_total{route="/upload",status="400"} 2.0' in answer.text
    assert 'fieldmark_requests_total{route="other",status="404"} 2.0' in answer.text
    assert 'fieldmark_request_seconds_count{route="/upload"} 3.0' in answer.text
    assert "passwd" not in answer.text


def test_two_servers_in_one_process_count_apart(model):
    first, second = TestClient(create_app(model)), TestClient(create_app(model))
    upload(first, picture_bytes(RED))
    assert 'route="/upload"' not in second.get("/metrics").text


def test_the_description_covers_every_route_and_every_status_we_give(client):
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert set(description["paths"]) == {
        *("/upload", "/batch", "/classify-url", "/", "/healthz", "/metrics", "/openapi.json", "/docs")
    }
    told = {
        path: set(methods["post"]["responses"]) for path, methods in description["paths"].items() if "post" in methods
    }
    assert told["/upload"] == told["/batch"] == {"200", "400", "408", "413", "415", "421", "503"}
    assert told["/classify-url"] == {"200", "400", "408", "413", "421", "422", "503"}
    answer = description["components"]["schemas"]["Answer"]
    assert set(upload(client, picture_bytes(RED)).json()) == set(answer["required"]) == set(answer["examples"][0])


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_holds_nothing_inline_and_nothing_from_another_host(client, path):
    page = client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<style" not in page.text
    assert "style=" not in page.text
    assert "onclick" not in page.text
    for asset in ("page.css", "favicon.svg"):
        assert f'href="{asset}"' in page.text
        assert client.get(f"/{asset}").status_code == 200
    assert "http" not in page.text.replace("https://example.org", "").replace("http://testserver/", "").replace(
        'placeholder="https://"', ""
    ).replace(" http or https", "")


def test_every_answer_carries_the_security_headers_and_opens_nothing_to_other_sites(client):
    asked_by_another_site = {"Origin": "https://elsewhere.example"}
    for response in (
        client.get("/", headers=asked_by_another_site),
        client.get("/page.js"),
        client.get("/nothing"),
        client.post("/upload", headers=asked_by_another_site),
        client.options("/upload", headers={**asked_by_another_site, "Access-Control-Request-Method": "POST"}),
        upload(client, picture_bytes(RED)),
    ):
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_class_names_are_escaped_in_the_pages():
    evil = "<img src=x onerror=alert(1)>"
    client = TestClient(create_app(Model(tiny_model_bytes(classes=(evil, "king")))))
    for path in ("/", "/docs"):
        page = client.get(path).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_a_host_header_is_escaped_in_the_page_that_repeats_it(client):
    page = client.get("/docs", headers={"Host": '"><script>alert(1)</script>'}).text
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("classes", "question"),
    [
        (("coral", "king"), "coral or king?"),
        (("black", "grizzly", "teddy"), "black, grizzly or teddy?"),
        (("a", "b", "c", "d", "e"), "Which of 5?"),
        (("coral",), "coral?"),
    ],
)
def test_the_page_asks_its_question(classes, question):
    page = TestClient(create_app(Model(tiny_model_bytes(classes=classes)))).get("/").text
    assert f"<h1>{question}</h1>" in page


def test_the_page_tells_what_the_model_scored_and_on_how_many_photos():
    metrics = {"accuracy": 0.953, "n_valid": 85, "accuracy_ci95": [0.885, 0.982]}
    page = TestClient(create_app(Model(tiny_model_bytes(metrics=metrics)))).get("/").text
    assert "95.3\u00a0% of 85 photos" in page
    assert "88.5\u00a0% to 98.2\u00a0%" in page
    assert "Right on" not in TestClient(create_app(Model(tiny_model_bytes()))).get("/").text


def test_a_hole_in_the_guard_is_announced_before_the_first_request(model, monkeypatch, capsys):
    monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", "127.0.0.1:4711")
    create_app(model)
    assert "127.0.0.1:4711" in capsys.readouterr().err
    monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", "everything")
    with pytest.raises(WrongUsage):
        create_app(model)


def test_a_picture_one_pixel_high_is_answered(client):
    assert upload(client, picture_bytes(RED, size=(3000, 1))).json()["predictions"][0][0] == "coral"


def test_the_same_bytes_get_the_same_answer_from_the_server_and_from_python(client, model):
    buffer = io.BytesIO(picture_bytes((120, 60, 90), size=(33, 77), format="JPEG"))
    reply = upload(client, buffer.getvalue()).json()
    assert reply["predictions"] == model.predict(buffer.getvalue()).to_dict()["predictions"]
