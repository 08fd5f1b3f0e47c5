import base64
import sys

import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import WrongUsage
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.door import hosts_of, read_key
from fieldmark.terminal import Voice, speaking
from support.tiny_model import RED, picture_bytes, tiny_model_bytes

KEY = "open-sesame-0123456789"


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


@pytest.fixture
def locked(model):
    return TestClient(create_app(model, Terms(key=KEY)))


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/metrics", "/page.js", "/nothing"])
def test_without_the_key_nothing_is_told(locked, path):
    answer = locked.get(path)
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.json()["error"]
    assert answer.headers["www-authenticate"].startswith("Bearer, Basic ")
    assert "coral" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "given",
    [
        *(
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            f"Bearer {KEY}x",
            f"Bearer {KEY[:-1]}",
            f"Bearer {KEY.upper()}",
            KEY,
            f"Token {KEY}",
        ),
        *(
            basic(KEY, ""),
            basic("", "x"),
            "Basic",
            "Basic !!!",
            "Basic " + base64.b64encode(b"\xff\xfe").decode(),
            f"Basic {KEY}",
        ),
    ],
)
def test_another_key_is_refused(locked, given):
    files = {"file": ("a.png", picture_bytes(RED))}
    assert locked.post("/upload", files=files, headers={"Authorization": given}).status_code == 401


@pytest.mark.parametrize(
    "given", [f"Bearer {KEY}", f"bearer {KEY}", f"Bearer  {KEY} ", basic("", KEY), basic("anyone", KEY)]
)
def test_the_key_opens_by_script_and_by_the_question_of_a_browser(locked, given):
    files = {"file": ("a.png", picture_bytes(RED))}
    answer = locked.post("/upload", files=files, headers={"Authorization": given})
    assert answer.json()["predictions"][0][0] == "coral"


def test_bytes_that_are_no_text_as_a_key_are_refused(locked):
    assert locked.get("/", headers={b"Authorization": b"Bearer \xff\xfe\xe9"}).status_code == 401


def test_whether_it_is_up_needs_no_key_and_tells_no_more(locked):
    assert locked.get("/healthz").json() == {"status": "ok"}
    assert locked.head("/healthz").status_code == 200


def test_the_description_says_that_a_key_is_needed(locked, model):
    told = locked.get("/openapi.json", headers={"Authorization": f"Bearer {KEY}"}).json()
    assert told["security"] == [{"key": []}, {"password": []}]
    assert "401" in told["paths"]["/upload"]["post"]["responses"]
    assert "security" not in TestClient(create_app(model)).get("/openapi.json").json()


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8009", "127.0.0.1:8009", "[::1]:8009", "localhost.", "10.0.0.7"]
)
def test_a_server_of_this_computer_answers_to_its_own_names(model, host):
    client = TestClient(create_app(model, Terms(hosts=hosts_of((), True, 0))))
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:8009", "127.0.0.1.evil.example", "", "[", "2130706433"]
)
def test_a_name_that_was_pointed_at_this_computer_is_refused(model, host):
    client = TestClient(create_app(model, Terms(hosts=hosts_of((), True, 0))))
    for answer in (client.get("/", headers={"Host": host}), client.post("/upload", headers={"Host": host})):
        assert answer.status_code == 421
        assert "--allow-host" in answer.json()["error"]
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_names_that_are_given_are_answered_to_and_no_others():
    assert hosts_of(("Snakes.example",), only_this_computer=False, proxies=0) == {"snakes.example", "localhost"}
    assert hosts_of((), only_this_computer=False, proxies=0) is None
    assert hosts_of((), only_this_computer=True, proxies=1) is None
    assert hosts_of((), only_this_computer=True, proxies=0) == {"localhost"}


def write_key(path, text, mode=0o600):
    path.write_bytes(text)
    path.chmod(mode)
    return str(path)


def test_a_key_is_read_from_its_file_or_else_from_the_environment(tmp_path):
    file = write_key(tmp_path / "key", f" {KEY}\n".encode())
    assert read_key(file, {"FIELDMARK_KEY": "another-one-0123456789"}) == KEY
    assert read_key(None, {"FIELDMARK_KEY": KEY}) == KEY
    assert read_key(None, {}) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"two keys", "one key"),
        (b"first-key-0123456789\nsecond-key-0123456789\n", "one key"),
        ("schlüssel-0123456789".encode(), "one key"),
        (b"\xff\xfe\x00", "is not text"),
        (b"a\x00b", "one key"),
    ],
)
def test_a_key_file_that_holds_no_key_is_a_sentence(tmp_path, content, sentence):
    with pytest.raises(WrongUsage, match=sentence):
        read_key(write_key(tmp_path / "key", content), {})


def test_an_empty_variable_is_not_taken_for_no_key():
    with pytest.raises(WrongUsage, match=r"\$FIELDMARK_KEY is empty"):
        read_key(None, {"FIELDMARK_KEY": " "})


def test_a_key_file_that_cannot_be_read_is_a_sentence(tmp_path):
    with pytest.raises(WrongUsage, match="cannot be read: No such file"):
        read_key(str(tmp_path / "none"), {})
    with pytest.raises(WrongUsage, match="cannot be read"):
        read_key(str(tmp_path), {})


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
def test_a_key_that_others_can_read_or_guess_is_warned_of(tmp_path, capsys):
    with speaking(Voice.STDERR):
        assert read_key(write_key(tmp_path / "key", KEY.encode(), 0o644), {}) == KEY
        assert "chmod 600" in capsys.readouterr().err
        assert read_key(write_key(tmp_path / "short", b"abc"), {}) == "abc"
        assert "can be guessed" in capsys.readouterr().err
        read_key(write_key(tmp_path / "good", KEY.encode()), {})
        assert capsys.readouterr().err == ""
