"""A folder of installed packages -> the same without what answering never touches."""

from __future__ import annotations

import fnmatch
import shutil
from pathlib import Path

LEFT_OUT = {
    "bin/*": "commands",
    "onnxruntime/capi/libonnxruntime.so*": "the engine a second time, for other languages than Python",
    "onnxruntime/backend/*": "for ONNX's own tests",
    "onnxruntime/datasets/*": "examples",
    "onnxruntime/quantization/*": "makes models",
    "onnxruntime/tools/*": "makes models",
    "onnxruntime/transformers/*": "makes models",
    "google/*": "protobuf, which only ONNX Runtime's tools ask for",
    "protobuf-*.dist-info/*": "protobuf",
    "flatbuffers/*": "which only ONNX Runtime's tools ask for",
    "flatbuffers-*.dist-info/*": "flatbuffers",
    "packaging/*": "which only ONNX Runtime's tools ask for",
    "packaging-*.dist-info/*": "packaging",
    "numpy/*tests/*": "NumPy's tests",
    "numpy/_core/_simd.*": "a module of NumPy's tests",
    "numpy/_core/_*_tests.*": "modules of NumPy's tests",
    "numpy/f2py/*": "compiles Fortran",
    "numpy/fft/*": "NumPy loads it when asked to, and nothing does",
    "numpy/ma/*": "likewise",
    "numpy/polynomial/*": "likewise",
    "numpy/random/*": "likewise",
    "numpy/testing/*": "likewise",
    "numpy/distutils/*": "compiles C",
    "numpy/_core/include/*": "headers",
    "numpy/_core/lib/*": "libraries to link against",
    "PIL/_imagingft.*": "draws text",
    "PIL/_imagingtk.*": "draws in windows",
    "pillow.libs/libfreetype-*": "draws text",
    "pillow.libs/libharfbuzz-*": "draws text",
    "*.pyi": "types, for editors",
    "*.pxd": "for Cython",
    "*.dist-info/RECORD": "true only of the whole package",
    "*.dist-info/direct_url.json": "names this machine's folders",
    "*.dist-info/INSTALLER": "says pip",
    "*.dist-info/REQUESTED": "for pip",
    "*/__pycache__/*": "compiled for this Python alone",
}
"""Files under the folder, `*` matching slashes too -> why nobody misses them. Licences stay."""


def trim(folder: Path) -> int:
    """Remove what `LEFT_OUT` names, and folders that are empty then. Returns the bytes that went."""
    gone = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_OUT):
            gone += path.stat().st_size
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
    return gone
