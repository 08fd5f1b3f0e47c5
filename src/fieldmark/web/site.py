"""A model file and ONNX Runtime Web -> the files of a static page, in memory.

All that the page loads lies in a folder called after the hash of everything, so that no file of one version can ever be
taken for one of another: neither by a browser that keeps files, nor half-way through an upload.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fieldmark import front
from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.front.wording import question
from fieldmark.imaging.decode import MAX_PIXELS
from fieldmark.version import __version__
from fieldmark.web.runtime import Runtime

INDEX, WORKER = "index.html", "sw.js"
SCRIPT = "static.js"
_SCRIPTS = (SCRIPT, "offline.js", "worker.js", "pixels.js", "reply.js", "costs.js", "unpack.js", "webp.js")
_ICONS = ("icon-192.png", "icon-512.png")
_GRAPH = "model.onnx.gz"

# Scripts of ours and WebAssembly; photos from this page alone; words with nobody but the host that sent it. `child-src`
# is what older Safaris ask where others ask `worker-src`.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; child-src 'self' blob:; "
    "style-src 'self'; img-src 'self' blob:; connect-src 'self'; manifest-src 'self'; "
    "form-action 'none'; base-uri 'none'"
)


@dataclass(frozen=True)
class Site:
    """A static page.

    Attributes:
        version: the folder of all that the page loads: "v" and twelve hex digits of the hash of everything.
        files: path below the page -> content. `sw.js` and then `index.html` come last: what names the others.
    """

    version: str
    files: Mapping[str, bytes]


def build(model: bytes, info: ModelInfo, runtime: Runtime) -> Site:
    """Put a static page together. The same model and the same Fieldmark give the same bytes.

    Args:
        model: the content of a model file.
        info: what it says of itself.
        runtime: what answers with it in a browser.
    """
    loaded = _loaded(model, info, runtime)
    licences = _licences(runtime)
    model_version = hashlib.sha256(model).hexdigest()[:12]
    version = _version({**loaded, **licences, INDEX: _index(info, "", model_version), WORKER: _page(WORKER)})
    placed = {f"{version}/{name}": content for name, content in loaded.items()}
    worker, index = _service_worker(version, placed), _index(info, f"{version}/", model_version)
    return Site(version, {**placed, **licences, WORKER: worker, INDEX: index})


def _loaded(model: bytes, info: ModelInfo, runtime: Runtime) -> dict[str, bytes]:
    """Everything that the page loads: scripts, styles, icons, the model and what runs it."""
    files = {name: front.asset(name) for name in front.ASSETS} | {name: _page(name) for name in (*_SCRIPTS, *_ICONS)}
    packed = {_GRAPH: _pack(model)}
    for name, content in runtime.files.items():
        if name.endswith(".wasm"):
            packed[f"{name}.gz"] = _pack(content)
        else:
            files[name] = content
    about = {"model.json": _json(_about(info, model, packed)), "manifest.json": _json(_manifest(info))}
    return {**files, **packed, **about}


def _about(info: ModelInfo, model: bytes, packed: Mapping[str, bytes]) -> dict[str, Any]:
    """What the worker needs to know beside the graph."""
    (engine,) = (name for name in packed if name != _GRAPH)
    return {
        "classes": info.classes,
        "threshold": info.threshold,
        "costs": info.costs.to_dict() if info.costs else None,
        "model": info.about(hashlib.sha256(model).hexdigest()),
        "max_pixels": MAX_PIXELS,
        "graph": _GRAPH,
        "runtime": engine,
        "packed": {name: len(content) for name, content in packed.items()},
    }


def _manifest(info: ModelInfo) -> dict[str, Any]:
    """What a phone reads that puts the page among its programs."""
    ask = question(info.classes)
    return {
        "name": f"{ask} · Fieldmark",
        "short_name": ask if len(ask) <= 20 else "Fieldmark",
        "start_url": "../",
        "scope": "../",
        "display": "standalone",
        "background_color": "#f5f0e3",
        "theme_color": "#f5f0e3",
        "icons": [
            {"src": name, "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
            for name, side in zip(_ICONS, (192, 512), strict=True)
            for purpose in ("any", "maskable")
        ],
    }


def _licences(runtime: Runtime) -> dict[str, bytes]:
    """What goes along with the work of others."""
    licence = resources.files("fieldmark.web").joinpath("onnxruntime-LICENSE.txt").read_text("utf-8")
    notices = resources.files("onnxruntime").joinpath("ThirdPartyNotices.txt")
    has_notices = notices.is_file()  # in wheels; who packages ONNX Runtime otherwise may put them elsewhere
    where = f"in {notices.name}" if has_notices else "at https://github.com/microsoft/onnxruntime"
    text = (
        f"The page was made by Fieldmark {__version__}, Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0\n"
        "The model belongs to whoever trained it.\n\n"
        f"ort.wasm.min.js and the files called ort-wasm-simd-threaded are ONNX Runtime Web {runtime.version}. "
        f"What it contains of others is named {where}. Its own licence:\n\n{licence}"
    )
    files = {"LICENCES.txt": text.encode()}
    return {**files, notices.name: notices.read_bytes()} if has_notices else files


def _index(info: ModelInfo, base: str, model_version: str) -> bytes:
    return front.render(info, SCRIPT, static=front.Static(base, POLICY, model_version)).encode()


def _service_worker(version: str, kept: Mapping[str, bytes]) -> bytes:
    """The script that keeps a version for use without a network, with the hash of each file in it."""
    files = {INDEX: "", **{name: _integrity(name, content) for name, content in sorted(kept.items())}}
    site = {"version": version, "index": INDEX, "files": files}
    return b"const SITE = " + _json(site).rstrip() + b";\n" + _page("sw.js")


def _integrity(name: str, content: bytes) -> str:
    """What a browser holds a file against. A packed one may reach it unpacked."""
    forms = [content, gzip.decompress(content)] if name.endswith(".gz") else [content]
    return " ".join("sha256-" + base64.b64encode(hashlib.sha256(form).digest()).decode("ascii") for form in forms)


def _version(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        whole.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return f"v{whole.hexdigest()[:12]}"


def _pack(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)  # without the time, which would make a new version of the same


def _page(name: str) -> bytes:
    return resources.files("fieldmark.web").joinpath("page", name).read_bytes()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()
