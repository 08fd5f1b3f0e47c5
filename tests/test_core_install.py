"""The core install alone, in an environment of its own: what serves a model must not need torch."""

import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fieldmark.deploy.gate import LIMITS, weigh_folder

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """An environment with the wheel and nothing but what it asks for. Returns the folder of its commands."""
    home = tmp_path_factory.mktemp("core")
    source = home / "source"
    keep_out = shutil.ignore_patterns(".venv", ".git", "fieldmark-demo", "__pycache__", "*_cache")
    shutil.copytree(ROOT, source, ignore=keep_out)
    venv.create(home / "venv", with_pip=True)
    commands = home / "venv" / "bin"
    subprocess.run(
        [commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", source], check=True
    )
    return commands


def run(core, *arguments: str, **more) -> subprocess.CompletedProcess:
    # Run from elsewhere and without our PYTHONPATH, so that only what was installed is found.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [core / arguments[0], *arguments[1:]], capture_output=True, text=True, cwd=core, env=environment, **more
    )


def test_it_holds_no_torch_and_nothing_of_its_kin(core):
    heavy = ("torch", "torchvision", "timm", "safetensors", "onnx", "scipy", "sklearn", "pyarrow")
    code = f"import importlib.util as u; print([name for name in {heavy} if u.find_spec(name)])"

    assert run(core, "python", "-c", code).stdout.strip() == "[]"


def test_predict_answers(core, tiny_model_file, tiny_folder):
    done = run(core, "fieldmark", "predict", str(tiny_model_file), str(tiny_folder / "red"), "--json")

    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == 14 and all(len(answer["predictions"]) == 2 for answer in answers)


def test_evaluate_judges_a_model_file_and_writes_its_report(core, tiny_model_file, tiny_folder, tmp_path):
    report = str(tmp_path / "report.html")
    done = run(core, "fieldmark", "evaluate", str(tiny_model_file), str(tiny_folder), "--json", "--report", report)

    assert json.loads(done.stdout)["n_valid"] == 28, done.stderr
    assert Path(report).stat().st_size > 1000


def test_what_only_serves_stays_within_its_size(core, tmp_path):
    source = core.parents[1] / "source"
    command = ["python", "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(tmp_path), str(source)]
    assert run(core, *command).returncode == 0

    mib = int(subprocess.check_output(["du", "-sm", tmp_path], text=True).split()[0])

    assert mib <= LIMITS["install"].unpacked // 2**20, weigh_folder(tmp_path).parts


def test_training_names_the_extra_it_needs(core, tiny_folder):
    done = run(core, "fieldmark", "train", str(tiny_folder))

    assert done.returncode == 1 and "pip install 'fieldmark[train]'" in done.stderr
    assert "Traceback" not in done.stderr


class Picture(BaseHTTPRequestHandler):
    """A web server with one picture on it."""

    content = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def picture_address(tiny_folder):
    Picture.content = (tiny_folder / "red" / "000.png").read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), Picture) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_serve_answers_uploads_and_urls_and_refuses_its_own_address(
    core, tiny_model_file, tiny_folder, picture_address
):
    # The guard lets the double of the web through, and nothing else on this machine.
    environment = {**os.environ, "FIELDMARK_ALLOW_HOSTS": picture_address}
    command = [core / "fieldmark", "serve", str(tiny_model_file), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=core, env=environment)
    try:
        url = server.stdout.readline().split(" at ")[1].split()[0]
        photo = tiny_folder / "red" / "000.png"
        uploaded = json.loads(subprocess.check_output(["curl", "-s", "-F", f"file=@{photo}", f"{url}/upload"]))
        fetched = ask(f"{url}/classify-url", {"url": f"http://{picture_address}/photo.png"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(f"{url}/classify-url", {"url": f"{url}/"})
    finally:
        server.terminate()
        server.wait(20)

    assert uploaded["predictions"][0][0] in ("red", "blue") and uploaded["unknown"] is False
    assert fetched["predictions"] == uploaded["predictions"]
    assert refused.value.code == 422


def ask(url, question):
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
