"""A lock file -> ONNX Runtime Web, from the cache, a package given, or npm; never without a look at its hash."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from fieldmark import terminal
from fieldmark.artifacts.atomic import write_bytes
from fieldmark.artifacts.workspace import cache_folder
from fieldmark.errors import WebPageError

PACKAGE = "onnxruntime-web"

# What a session on the processor needs, as it lies in the package -> as it is called in the folder. Not all hosts know
# that .mjs is a script, and browsers run no module that is sent as anything else.
FILES = {
    "package/dist/ort.wasm.min.mjs": "ort.wasm.min.js",
    "package/dist/ort-wasm-simd-threaded.mjs": "ort-wasm-simd-threaded.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}

PATIENCE = 600  # seconds for npm to bring 33 MB


@dataclass(frozen=True)
class Runtime:
    """The part of ONNX Runtime Web that a page needs: its version, and the bytes of the files by name."""

    version: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Pinned:
    """The one package that we take.

    Attributes:
        version: "1.30.0".
        integrity: what npm writes in lock files, "sha512-" and the digest in base64.
    """

    version: str
    integrity: str

    @property
    def file_name(self) -> str:
        """What npm calls the package when it packs it."""
        return f"{PACKAGE}-{self.version}.tgz"

    @property
    def address(self) -> str:
        """Where anybody can download it."""
        return f"https://registry.npmjs.org/{PACKAGE}/-/{self.file_name}"

    def fits(self, package: bytes) -> bool:
        """Whether these are the very bytes that were locked."""
        digest = base64.b64encode(hashlib.sha512(package).digest()).decode("ascii")
        return self.integrity == f"sha512-{digest}"


@cache
def pinned() -> Pinned:
    """Read the lock file that comes with Fieldmark."""
    lock = json.loads(resources.files("fieldmark.web").joinpath("package-lock.json").read_text("utf-8"))
    entry = lock["packages"][f"node_modules/{PACKAGE}"]
    return Pinned(entry["version"], entry["integrity"])


def gather(given: str | os.PathLike[str] | None = None) -> Runtime:
    """Return ONNX Runtime Web: the package given, else the one in the cache, else what npm brings, which is then kept.

    Args:
        given: a file that was downloaded by other means.

    Raises:
        WebPageError: there is none to be had, or it is not the one that was locked.
    """
    wanted = pinned()
    kept = cache_folder() / "web" / wanted.file_name
    if given is not None:
        return _unpack(_take_given(Path(given), wanted, kept), wanted)
    with suppress(OSError):
        package = kept.read_bytes()
        if wanted.fits(package):
            return _unpack(package, wanted)
        terminal.warn(f"{kept} is not what it should be, and is fetched anew.")
    return _unpack(_ask_npm(wanted, kept), wanted)


def _take_given(path: Path, wanted: Pinned, kept: Path) -> bytes:
    try:
        package = path.read_bytes()
    except OSError as error:
        raise WebPageError(f"{path} cannot be read: {error.strerror}. {_how_to_get(wanted)}") from None
    if not wanted.fits(package):
        raise WebPageError(f"{path} is not {wanted.file_name} as it was published. {_how_to_get(wanted)}")
    _keep(kept, package)
    return package


def _ask_npm(wanted: Pinned, kept: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise WebPageError(
            f"The page needs ONNX Runtime Web {wanted.version}. It is not in the cache ({kept}), and npm, which would "
            f"fetch it, is not installed. Install Node.js, which brings npm, and run this again. {_how_to_get(wanted)}"
        )
    terminal.say(f"Fetching ONNX Runtime Web {wanted.version} with npm, once: 33 MB ...")
    with tempfile.TemporaryDirectory(prefix="fieldmark-") as folder:
        _pack(npm, wanted, folder)
        try:
            package = (Path(folder) / wanted.file_name).read_bytes()
        except OSError:
            raise WebPageError(f"npm brought no {wanted.file_name}. {_how_to_get(wanted)}") from None
    if not wanted.fits(package):
        raise WebPageError(
            f"npm brought another {wanted.file_name} than was published; it is not used. {_how_to_get(wanted)}"
        )
    _keep(kept, package)
    return package


def _pack(npm: str, wanted: Pinned, folder: str) -> None:
    """Have npm put the package as it is published into `folder`: no dependencies, no scripts."""
    command = [npm, "pack", f"{PACKAGE}@{wanted.version}", "--ignore-scripts", "--pack-destination", folder]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WebPageError(f"npm did not bring {wanted.file_name} ({error}). {_how_to_get(wanted)}") from None
    if done.returncode:
        raise WebPageError(f"npm could not fetch {wanted.file_name} ({_complaint(done.stderr)}). {_how_to_get(wanted)}")


def _complaint(output: str) -> str:
    """Return what npm says of its failure: "ENOTFOUND request to ... failed"; it says much else besides."""
    lines = [line.partition("npm error ")[2].strip() for line in output.splitlines() if "npm error " in line]
    said = [line.removeprefix("code ") for line in lines if line and not line.startswith(("A complete log", "Log "))]
    return " ".join(said[:3])[:240] or "it does not say why"


def _how_to_get(wanted: Pinned) -> str:
    return f"Otherwise download {wanted.address} and give it with --runtime {wanted.file_name}"


def _keep(kept: Path, package: bytes) -> None:
    """Keep the package for the next time; a cache that cannot be written to is no reason to stop."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept, package, flush=False)  # its hash is looked at before every use


def _unpack(package: bytes, wanted: Pinned) -> Runtime:
    """Take out the files of a package whose hash was checked, so that its form is known."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        for member in archive:
            if member.name in FILES:
                content = archive.extractfile(member)
                assert content is not None
                found[FILES[member.name]] = content.read()
    return Runtime(wanted.version, found)
