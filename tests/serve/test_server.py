import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import ModelFileError, ServeError
from fieldmark.net.listener import listen
from fieldmark.net.patience import Patience
from fieldmark.serve.answers import open_model
from fieldmark.serve.app import Terms
from fieldmark.serve.limits import Limits
from fieldmark.serve.server import BackgroundServer, name_classes, serve
from fieldmark.serve.tally import Tally
from support.tiny_model import RED, picture_bytes, tiny_model_bytes

BOUNDARY = "the-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


@pytest.fixture(scope="module")
def server(model):
    with BackgroundServer(model) as server:
        yield server


def connect(url):
    host, port = url.removeprefix("http://").split(":")
    return closing(http.client.HTTPConnection(host, int(port), timeout=10))


def form(content):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def ask(server, body, **options):
    with connect(server.url) as connection:
        connection.request("POST", "/upload", body, FORM, **options)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def begin(connection, path, headers):
    connection.putrequest("POST", path)
    for name, value in {**headers, "Content-Length": "5000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"--")


def is_alive(server):
    status, text = ask(server, form(picture_bytes(RED)))
    return status == 200 and '[["coral"' in text


def test_a_picture_is_classified_over_a_real_socket(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert is_alive(server)


def test_20_mb_are_refused_with_a_sentence_that_arrives(server):
    status, text = ask(server, form(bytes(20_000_000)))
    assert (status, "16 MiB" in text) == (413, True)
    assert is_alive(server)


def test_a_body_without_a_length_is_counted_as_it_comes(server):
    chunks = (bytes(65536) for _ in range(400))
    head = form(b"").partition(b"\r\n--")[0]
    status, text = ask(server, (part for parts in ([head], chunks) for part in parts), encode_chunked=True)
    assert (status, "16 MiB" in text) == (413, True)
    assert is_alive(server)


def test_an_endless_body_is_refused_while_it_is_still_coming(server):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            b"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=the-boundary\r\n\r\n"
        )
        head = form(b"").partition(b"\r\n--")[0]
        raw.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        raw.setblocking(False)
        answer, sent, chunk = b"", 0, b"10000\r\n" + bytes(65536) + b"\r\n"
        deadline = time.monotonic() + 20
        rest = chunk
        while not answer and time.monotonic() < deadline:
            try:
                count = raw.send(rest)
                sent += count
                rest = rest[count:] or chunk
            except BlockingIOError:
                time.sleep(0.001)
            try:
                answer = raw.recv(65536)
            except BlockingIOError:
                continue
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 40 * 2**20
    assert is_alive(server)


@pytest.mark.parametrize("promised", ["5", "99999999999", "-1", "abc", "1e3"])
def test_a_lying_content_length_does_no_harm(server, promised):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {promised}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
            + form(picture_bytes(RED))
        )
        assert raw.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    assert is_alive(server)


def test_a_client_that_leaves_halfway_leaves_no_traceback(server, caplog):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\nhalf".encode()
        )
        time.sleep(0.1)
    time.sleep(0.1)
    assert is_alive(server)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_an_upload_that_takes_too_long_is_given_up(model):
    with BackgroundServer(model, terms=Terms(limits=Limits(upload_seconds=0.3))) as server:
        for path, headers in (("/upload", FORM), ("/classify-url", {})):
            with connect(server.url) as connection:
                begin(connection, path, headers)
                answer = connection.getresponse()
                assert (answer.status, b"longer than 0.3 seconds" in answer.read()) == (408, True)
        assert is_alive(server)


def test_many_visitors_at_once_all_get_the_right_answer(server):
    results = []
    visitors = [threading.Thread(target=lambda: results.append(is_alive(server))) for _ in range(16)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert results == [True] * 16


def test_the_port_is_free_again_when_the_block_ends(model):
    with BackgroundServer(model) as server:
        port = int(server.url.rsplit(":", 1)[1])
    with BackgroundServer(model, port=port) as again:
        assert again.url == server.url
        assert is_alive(again)


def test_a_port_in_use_is_found_out_before_the_model_is_read():
    with listen("127.0.0.1", 0, 8009) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match="is in use"):
            serve("no-such-model.onnx", port=port)


def test_a_model_file_that_is_not_there_or_not_ours_is_not_served(tmp_path):
    with pytest.raises(ModelFileError, match="No model file"):
        open_model(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelFileError, match="not an ONNX model"):
        open_model(tmp_path / "text.onnx")


def test_many_classes_are_cut_short_in_the_line_that_names_them():
    assert name_classes(("coral", "king")) == "coral, king"
    assert name_classes(tuple("abcdefgh")) == "a, b, c, d, e and 3 more"


SERVE = """
import sys
from fieldmark import terminal
from fieldmark.config import ServeSettings
from fieldmark.serve.server import serve
with terminal.speaking(terminal.Voice.STDOUT):
    serve(sys.argv[1], host=sys.argv[2], port=0, settings=ServeSettings(grace=0.5, log="none"))
assert "torch" not in sys.modules
"""


def start(tmp_path: Path, host: str) -> subprocess.Popen:
    file = tmp_path / "snakes.onnx"
    file.write_bytes(tiny_model_bytes())
    command = [sys.executable, "-c", SERVE, str(file), host]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent another way")
def test_the_server_says_where_it_is_and_stops_cleanly_on_ctrl_c(tmp_path):
    process = start(tmp_path, "127.0.0.1")
    line = process.stdout.readline()
    assert line.startswith("Serving coral, king at http://127.0.0.1:")
    assert line.endswith(" (Ctrl-C stops)\n")
    url = line.split()[4]
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
        assert answer.status == 200
    # An upload that never ends must neither hold the server back nor make it print a traceback.
    with connect(url) as hanging:
        begin(hanging, "/upload", FORM)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert out == "Stopped.\n"
    assert err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent another way")
def test_listening_to_everybody_is_warned_about(tmp_path):
    process = start(tmp_path, "0.0.0.0")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert err == (
        "warning: listening on 0.0.0.0: anyone who can reach this computer may ask. "
        "--host 127.0.0.1 keeps it to yourself.\n"
    )


def test_a_request_that_outlives_the_server_is_told_so(model):
    class Slow:
        info, digest = model.info, model.digest

        def predict(self, pixels):
            entered.set()
            assert may_answer.wait(60)
            return model.predict(pixels)

    entered, may_answer, tally, answers = threading.Event(), threading.Event(), Tally(), []
    with BackgroundServer(Slow(), terms=Terms(tally=tally), patience=Patience(grace=0.1, linger=0.05)) as server:
        caller = threading.Thread(target=lambda: answers.append(ask(server, form(picture_bytes(RED)))))
        caller.start()
        assert entered.wait(60)
    caller.join()
    may_answer.set()
    assert (answers[0][0], "has stopped" in answers[0][1]) == (503, True)
    assert tally.total("refusals", "stopped") == 1
    assert tally.total("requests", "/upload", "503") == 1
