"""docs/deploy.md: what it tells a stranger to write down and to type is what works."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fieldmark.cli import build_parser
from fieldmark.deploy import container, functions
from fieldmark.deploy.gate import LIMITS
from fieldmark.serve.limits import Limits
from fieldmark.serve.server import PORT
from support import dockerfile

PAGE = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return text


def export_lines() -> list[str]:
    return re.findall(r"^(?:\$ )?fieldmark (export .*)$", PAGE, flags=re.MULTILINE)


def test_the_service_starts_a_command_that_there_is_and_tells_nobody_but_this_machine():
    (line,) = re.findall(r"^ExecStart=/opt/classifier/venv/bin/fieldmark (.*)$", block("ini"), flags=re.MULTILINE)

    given = build_parser().parse_args(line.split())

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


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_nginx_takes_its_file(tmp_path):
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1",
            "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    shown = block("nginx").replace("/etc/letsencrypt/live/classifier.example", str(tmp_path))
    kept = " ".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {kept} {shown} }}")

    done = subprocess.run(
        ["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not installed")
def test_caddy_takes_its_file(tmp_path):
    (tmp_path / "Caddyfile").write_text(block("caddy"))

    done = subprocess.run(["caddy", "validate", "--config", tmp_path / "Caddyfile"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


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
