"""A Dockerfile -> what it says, and the same done without Docker: a folder for `/`, and a process that is locked in.

There is no Docker engine where these tests run. What is done here is what BuildKit and runc would do as far as a
Dockerfile of ours goes: COPY through .dockerignore, RUN, then CMD as USER with ENV, on a file system that is read-only
but for /tmp.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

MOUNT = "/mnt/image"
"""Where the image's files appear, since the root of this machine holds other things."""

LOCKED = f"""
mount -t tmpfs tmpfs /mnt && mkdir {MOUNT} && mount --bind "$0" {MOUNT} && mount -o remount,bind,ro {MOUNT}
mount -o remount,ro /mnt && mount -o remount,bind,ro / && mount -t tmpfs -o mode=1777 tmpfs /tmp
cd / && exec setpriv --reuid="$1" --regid="$1" --clear-groups --no-new-privs --inh-caps=-all -- "${{@:2}}"
"""


@dataclass
class Stage:
    """What one FROM begins."""

    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)  # instruction, its text
    env: dict[str, str] = field(default_factory=dict)

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]


def parse(text: str) -> list[Stage]:
    """Read a Dockerfile without line continuations or heredocs; an instruction that Docker has not is an error."""
    stages: list[Stage] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        assert instruction in KNOWN, f"Docker knows no {instruction}"
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        elif instruction == "ENV":
            stages[-1].env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        else:
            stages[-1].steps.append((instruction, rest))
    return stages


KNOWN = ("FROM", "ENV", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD")


def sent(context: Path) -> set[str]:
    """Return the files of a folder that .dockerignore lets through to the builder."""
    rules = [line for line in (context / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    def is_sent(name: str) -> bool:
        ignored = False
        for rule in rules:
            pattern = rule.removeprefix("!").removeprefix("**/")
            parts = name.split("/")
            heads = ["/".join(parts[: i + 1]) for i in range(len(parts))]
            named = heads if not rule.startswith("**/") else parts
            if any(fnmatch.fnmatchcase(head, pattern) for head in named):
                ignored = not rule.startswith("!")
        return not ignored

    files = (path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file())
    return {name for name in files if is_sent(name)}


def build(context: Path, root: Path) -> Stage:
    """Carry out a Dockerfile; the files of its last image lie in `root` then. Returns that last stage."""
    roots: dict[str, Path] = {}
    for number, stage in enumerate(parse((context / "Dockerfile").read_text())):
        here = roots[stage.name] = root.with_name(f"{root.name}.{number}")
        here.mkdir()
        for instruction, text in stage.steps:
            if instruction == "COPY":
                _copy(text, context, roots, here)
            elif instruction == "RUN":
                _run(text, here)
    here.rename(root)
    return stage


def _copy(text: str, context: Path, roots: dict[str, Path], here: Path) -> None:
    words = shlex.split(text)
    source = context
    if words[0].startswith("--from="):
        source = roots[words.pop(0).removeprefix("--from=")]
    *names, target = words
    for name in names:
        origin = source / name.lstrip("/")
        place = here / target.lstrip("/")
        place = place / origin.name if target.endswith("/") else place
        if origin.is_dir():
            shutil.copytree(origin, place, dirs_exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, place)


def _run(text: str, here: Path) -> None:
    """Run a command with the image's folders in place of those at the root of this machine, and this Python."""
    tools = here / ".tools"
    tools.mkdir(exist_ok=True)
    (tools / "python").unlink(missing_ok=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "pip").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    (tools / "pip").chmod(0o755)
    moved = re.sub(r"(?<![\w.])/(?=(?:build|packages|own)\b)", f"{here}/", text)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    subprocess.run(["sh", "-ec", moved], env=environment, check=True, capture_output=True)
    shutil.rmtree(tools)


def is_able_to_lock() -> bool:
    """Whether this machine lets us mount, which takes root and Linux."""
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt && command -v setpriv"]
    try:
        return subprocess.run(probe, capture_output=True).returncode == 0
    except OSError:
        return False


def locked_in(root: Path, stage: Stage, command: list[str], **more: str) -> subprocess.Popen[str]:
    """Start a command as the image's USER and first process, with its ENV alone, read-only but for an empty /tmp."""
    user = stage.last("USER").partition(":")[0]
    (root / "bin").mkdir(exist_ok=True)
    if not (root / "bin" / "python").is_symlink():
        (root / "bin" / "python").symlink_to(Path(sys.executable).resolve())  # no virtual environment: no packages
    environment = {name: re.sub(r"(?<![\w.])/(?=(?:packages|own)\b)", f"{MOUNT}/", v) for name, v in stage.env.items()}
    environment |= {"PATH": f"{MOUNT}/bin:/usr/bin:/bin", **more}
    words = [word.replace("/model/", f"{MOUNT}/model/") for word in command]
    return subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec", LOCKED, str(root), user, *words],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def processes(locked: subprocess.Popen[str]) -> list[int]:
    """Return the ids, as this machine counts, of what runs locked in: number 1 there, and its children."""
    first = _children(locked.pid)[0]
    return [first, *_children(first)]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def exec_form(text: str) -> list[str]:
    """Read the JSON list of CMD or HEALTHCHECK; text for a shell, which would take the signals, is an error."""
    words = json.loads(text[text.index("[") :])
    assert all(isinstance(word, str) for word in words)
    return words
