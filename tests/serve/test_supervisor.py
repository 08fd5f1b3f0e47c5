"""Whole servers, as processes. What can be tested on one thread is tested elsewhere."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.tiny_model import RED, picture_bytes, tiny_model_bytes
from support.until import until_true

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent another way there")

# Before it serves, a line of Python may change something: with `fork`, workers have it too.
PROGRAM = """
import sys
from fieldmark import terminal
from fieldmark.config import ServeSettings
from fieldmark.serve import supervisor
from fieldmark.serve.server import serve

def main():
    model, method, settings, change = sys.argv[1:]
    supervisor.start_method = lambda: method
    exec(change, {"supervisor": supervisor})
    with terminal.speaking(terminal.Voice.STDOUT):
        serve(model, port=0, settings=ServeSettings.of(eval(settings)))

if __name__ == "__main__":
    main()
"""

# A picture 13 pixels wide takes for ever, one 17 wide ends the process.
TRAPS = """
import os, time
from fieldmark.serve import answers
decode = answers.decode
def trap(data, most):
    pixels = decode(data, most)
    if pixels.shape[1] == 13: time.sleep(1000)
    if pixels.shape[1] == 17: os.kill(os.getpid(), 11)
    return pixels
answers.decode = trap
"""


class Server:
    def __init__(self, process, url):
        self.process, self.url = process, url

    def upload(self, picture=None, timeout=30):
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body += (picture or picture_bytes(RED)) + b"\r\n--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        request = urllib.request.Request(f"{self.url}/upload", body, headers)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)["predictions"][0][0]

    def metric(self, name):
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            found = re.search(rf"^{re.escape(name)} (.*)$", answer.read().decode(), flags=re.MULTILINE)
        return float(found[1]) if found else 0.0

    def workers(self):
        """Process ids of the children, as Linux lists them."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split() if _is_worker(int(child))]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)


def _is_worker(pid):
    try:
        return "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "snakes.onnx"
    file.write_bytes(tiny_model_bytes())
    return file


@contextmanager
def serving(tmp_path, model, method="fork", change="", **settings):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(model), method, repr({"log": "none", **settings}), change]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("Serving coral, king at "), process.communicate(timeout=60)[1]
        yield Server(process, line.split(" at ")[1].split()[0])
    finally:
        process.kill()
        process.communicate()


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@linux
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_that_is_killed_is_replaced_and_no_count_falls(tmp_path, model, method):
    with serving(tmp_path, model, method, workers=2, log="json") as server:
        assert [server.upload() for _ in range(6)] == ["coral"] * 6
        answered = 'fieldmark_requests_total{route="/upload",status="200"}'
        until_true(lambda: server.metric(answered) == 6)  # each is counted once its answer is on its way
        first = server.workers()
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        until_true(lambda: len(server.workers()) == 2 and first[0] not in server.workers())
        assert server.upload() == "coral"
        until_true(lambda: server.metric("fieldmark_workers") == 2)
        until_true(lambda: server.metric(answered) == 7)
        assert server.metric("fieldmark_workers_ended_total") == 1
        out, err = server.stop()
        assert server.process.returncode == 0
        assert out == "Stopped.\n"
        events = [record for record in map(json.loads, err.splitlines()) if record["event"] == "server"]
        assert [(e["level"], e["worker"]) for e in events] == [("error", first[0])]
        assert "signal 9 (SIGKILL)" in events[0]["message"]


@linux
def test_a_picture_that_ends_its_worker_does_not_end_the_server(tmp_path, model):
    with serving(tmp_path, model, change=TRAPS) as server:
        (before,) = server.workers()
        with pytest.raises(OSError):
            server.upload(picture_bytes(RED, size=(17, 5)))
        assert server.upload() == "coral"
        assert server.workers() != [before]


@linux
def test_a_worker_that_is_stuck_in_a_picture_is_replaced(tmp_path, model):
    with serving(tmp_path, model, change=TRAPS, picture_seconds=0.5, threads=1, grace=0.5, log="text") as server:
        (before,) = server.workers()
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.upload(picture_bytes(RED, size=(13, 5)))
        assert refused.value.code == 503
        assert "within 0.5 seconds" in json.load(refused.value)["error"]
        until_true(lambda: server.workers() and before not in server.workers())
        until_true(lambda: _says(server, "coral"))
        assert "did not come back from a picture" in server.stop()[1]


def _says(server, label):
    try:
        return server.upload() == label
    except OSError:  # the stuck one may have taken it
        return False


@linux
def test_a_worker_that_gives_no_sign_of_life_is_killed(tmp_path, model):
    with serving(tmp_path, model, change="supervisor.SILENCE = 2", log="text") as server:
        (before,) = server.workers()
        os.kill(before, signal.SIGSTOP)
        until_true(lambda: server.workers() not in ([before], []), seconds=60)
        assert server.upload() == "coral"
        assert "no sign of life" in server.stop()[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_before_the_end(tmp_path, model, number):
    slow = "from fieldmark.serve import answers; import time; d = answers.decode\n"
    slow += "def late(data, most):\n    time.sleep(0.3)\n    return d(data, most)\nanswers.decode = late"
    with serving(tmp_path, model, change=slow, workers=2, threads=1) as server:
        answers = []
        callers = [threading.Thread(target=lambda: answers.append(server.upload())) for _ in range(8)]
        for caller in callers:
            caller.start()
        until_true(lambda: server.metric("fieldmark_in_flight") >= 9)  # the eight and this question itself
        out, err = server.stop(number)
        for caller in callers:
            caller.join()
        assert answers == ["coral"] * 8
        assert (server.process.returncode, out, err) == (0, "Stopped.\n", "")


def test_what_libraries_say_of_a_picture_stays_out_of_the_log(tmp_path, model):
    loud = "from fieldmark.serve import answers; import os; d = answers.decode\n"
    loud += (
        "def said(data, most):\n    os.write(2, b'a library speaks')\n    return d(data, most)\nanswers.decode = said"
    )
    with serving(tmp_path, model, change=loud, log="text") as server:
        assert server.upload() == "coral"
        lines = server.stop()[1].splitlines()
        assert len(lines) == 1
        assert "POST /upload 200" in lines[0]


def test_a_second_signal_waits_for_nobody(tmp_path, model):
    with serving(tmp_path, model, change=TRAPS, grace=600.0) as server:
        lost = []

        def ask():
            try:
                server.upload(picture_bytes(RED, size=(13, 5)))
            except OSError as error:
                lost.append(error)

        caller = threading.Thread(target=ask)
        caller.start()
        until_true(lambda: server.metric("fieldmark_in_flight") >= 2)
        server.process.send_signal(signal.SIGINT)
        until_true(lambda: not _is_open(server))
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        server.process.communicate(timeout=60)
        caller.join()
        assert len(lost) == 1


def _is_open(server):
    try:
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=30):
            return True
    except OSError:
        return False


@linux
def test_workers_do_not_outlive_who_looks_after_them(tmp_path, model):
    with serving(tmp_path, model, workers=3) as server:
        workers = server.workers()
        assert len(workers) == 3
        server.process.kill()
        until_true(lambda: not any(_is_there(worker) for worker in workers))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_model_that_is_none_of_ours_is_a_sentence(tmp_path, method):
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(AssertionError, match="is not an ONNX model"), serving(tmp_path, tmp_path / "text.onnx", method):
        pass


def test_a_worker_that_ends_before_it_began_is_a_sentence(tmp_path, model):
    dies = "from fieldmark.serve import worker; import os; worker.open_model = lambda path: os.abort()"
    with (
        pytest.raises(AssertionError, match=r"could not begin: its worker was ended by signal 6 \(SIGABRT\)"),
        serving(tmp_path, model, change=dies),
    ):
        pass


def test_a_rate_holds_over_all_workers(tmp_path, model):
    with serving(tmp_path, model, workers=3, rate="5/hour") as server:
        answers = []
        for _ in range(12):
            try:
                answers.append(server.upload())
            except urllib.error.HTTPError as error:
                answers.append(error.code)
        assert answers == ["coral"] * 5 + [429] * 7
        until_true(lambda: server.metric('fieldmark_refusals_total{reason="rate"}') == 7)
