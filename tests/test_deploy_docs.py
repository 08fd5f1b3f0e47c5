"""docs/deploy.md: what it tells a stranger to write down and to type is what works."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldmark.cli import build_parser
from fieldmark.deploy import container, functions
from fieldmark.deploy.gate import LIMITS
from fieldmark.serve.limits import Limits
from fieldmark.serve.server import PORT
from support import dockerfile
from support.posting import post_form
from support.tiny_model import RED, picture_bytes, tiny_model_bytes
from support.until import until_true

PAGE = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return text


def service_words() -> list[str]:
    (line,) = re.findall(r"^ExecStart=/opt/classifier/venv/bin/fieldmark (.*)$", block("ini"), flags=re.MULTILINE)
    return line.split()


def export_lines() -> list[str]:
    return re.findall(r"^(?:\$ )?fieldmark (export .*)$", PAGE, flags=re.MULTILINE)


def test_the_service_starts_a_command_that_there_is_and_tells_nobody_but_this_machine():
    given = build_parser().parse_args(service_words())

    assert (given.command, given.host, given.port) == ("serve", "127.0.0.1", str(PORT))


def test_the_files_before_it_pass_on_to_the_port_of_the_service_and_let_the_largest_picture_through():
    largest = Limits().upload_bytes + Limits().form_bytes
    for text, size, unit in (
        (block("nginx"), r"client_max_body_size (\d+)m;", 2**20),
        (block("caddy"), r"max_size (\d+)MB", 10**6),
    ):
        passed_to = re.findall(r"(?:proxy_pass http://|reverse_proxy )([\d.:]+)", text)
        assert passed_to and set(passed_to) == {f"127.0.0.1:{PORT}"}
        assert int(re.search(size, text)[1]) * unit >= largest


def test_figures_are_kept_from_visitors():
    assert re.search(r"location = /metrics \{\s+allow 127\.0\.0\.1;\s+deny all;", block("nginx"))
    assert re.search(r"@figures path /metrics\s+respond @figures 403", block("caddy"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "classifier.service"
    unit.write_text(block("ini").replace("/opt/classifier/venv/bin/fieldmark", "/bin/true"))

    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)

    assert done.returncode == 0 and str(unit) not in done.stderr, done.stderr


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The command of the unit, with a tiny model and on a free port: its address."""
    model = tmp_path_factory.mktemp("service") / "model.onnx"
    model.write_bytes(tiny_model_bytes())
    own = {"/opt/classifier/model.onnx": str(model), str(PORT): "0"}
    words = [own.get(word, word) for word in service_words()]
    process = subprocess.Popen([sys.executable, "-m", "fieldmark", *words], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split(" at http://")[1].split()[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def classified(url):
    """The top class of a red picture, asked for under the name of the page."""
    unverified = ssl._create_unverified_context()
    told = post_form(f"{url}/upload", [("a", picture_bytes(RED))], {"Host": "classifier.example"}, unverified)
    return told["predictions"][0][0]


def test_the_service_answers_under_the_name_that_the_web_server_passes_on(service):
    assert classified(f"http://{service}") == "coral"


@contextmanager
def running(command, folder):
    """A web server in the foreground, once it takes connections at the port returned."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        command(port), cwd=folder, stderr=subprocess.PIPE, env={**os.environ, "HOME": str(folder)}
    )

    def listens():
        assert process.poll() is None, process.stderr.read()
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", port)) == 0

    try:
        until_true(listens)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_through_nginx_with_its_file_a_photo_is_answered(service, tmp_path):
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1",
            "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    shown = block("nginx").replace("/etc/letsencrypt/live/classifier.example", str(tmp_path))
    shown = shown.replace(f"127.0.0.1:{PORT}", service).replace("    listen [::]:443 ssl;\n", "")
    kept = " ".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""

    def command(port):
        file = tmp_path / "nginx.conf"
        own = shown.replace("listen 443", f"listen 127.0.0.1:{port}")
        file.write_text(f"daemon off; {user} pid {tmp_path}/pid; events {{}} http {{ access_log off; {kept} {own} }}")
        return ["nginx", "-e", tmp_path / "errors", "-p", tmp_path, "-c", file]

    with running(command, tmp_path) as port:
        assert classified(f"https://127.0.0.1:{port}") == "coral"


@pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not installed")
def test_through_caddy_with_its_file_a_photo_is_answered_and_figures_are_not_shown(service, tmp_path):
    shown = block("caddy").replace(f"127.0.0.1:{PORT}", service)  # a name of one's own for TLS takes the internet

    def command(port):
        own = shown.replace("classifier.example {", f"http://classifier.example:{port} {{")
        (tmp_path / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{own}")
        return ["caddy", "run", "--config", tmp_path / "Caddyfile"]

    with running(command, tmp_path) as port:
        assert classified(f"http://127.0.0.1:{port}") == "coral"
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Host": "classifier.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=60)


def test_the_zip_is_created_with_the_handler_and_entries_that_it_has():
    assert "--handler handler.handler --zip-file fileb://snakes.zip" in PAGE
    assert "handler = " in functions.HANDLER and "`handler.handler(event, context)`" in PAGE
    assert "app = " in functions.MAIN and "`main:app`" in PAGE
    assert f"{LIMITS['zip'].packed // 10**6} MB packed or {LIMITS['zip'].unpacked // 10**6} MB unpacked" in PAGE


def test_the_runtime_of_the_function_is_the_python_of_the_zip():
    (runtime,) = re.findall(r"--runtime python(\S+)", PAGE)
    (python,) = re.findall(r"--target zip --python (\S+)$", "\n".join(export_lines()), flags=re.MULTILINE)

    assert runtime == python


def test_the_container_is_run_as_it_says_that_it_can_be(tmp_path):
    container.fill(tmp_path, b"", "3.12")
    final = dockerfile.parse((tmp_path / "Dockerfile").read_text())[-1]

    assert f"-p 8080:{final.env['PORT']} " in PAGE and f"({final.env['PORT']} unless the host says otherwise)" in PAGE
    assert ":/model/model.onnx:ro" in PAGE and "/model/model.onnx" in final.last("CMD")
    assert f"runs as user {final.last('USER').partition(':')[0]}" in PAGE


def test_all_kinds_of_host_are_there_and_what_was_not_tried_is_said():
    for host in ("A small machine", "A container host", "A functions host", "A host of files"):
        assert f"\n## {host}\n" in PAGE
    assert "| | tried | not tried |" in PAGE
