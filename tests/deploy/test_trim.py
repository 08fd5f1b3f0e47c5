from fieldmark.deploy.trim import LEFT_OUT, trim


def lay(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1234567890")


def test_what_answering_never_touches_goes_and_the_rest_stays(tmp_path):
    kept = (
        "numpy/__init__.py",
        "numpy/_core/_multiarray_umath.cpython-312-x86_64-linux-gnu.so",
        "numpy/typing/__init__.py",
        "onnxruntime/capi/onnxruntime_pybind11_state.so",
        "onnxruntime/capi/libonnxruntime_providers_shared.so",  # small, and missed aloud
        "PIL/_imaging.cpython-312-x86_64-linux-gnu.so",
        "PIL/_imagingcms.cpython-312-x86_64-linux-gnu.so",
        "pillow.libs/libjpeg-1.so",
        "starlette-1.0.dist-info/licenses/LICENSE",
        "starlette-1.0.dist-info/METADATA",
    )
    lay(tmp_path, *kept)
    lay(
        tmp_path,
        "bin/f2py",
        "onnxruntime/capi/libonnxruntime.so.1.32.0",
        "onnxruntime/tools/a/b.py",
        "numpy/tests/test_x.py",
        "numpy/_core/tests/data/x.csv",
        "numpy/_core/include/numpy/arrayobject.h",
        "numpy/__init__.pyi",
        "PIL/_imagingft.cpython-312-x86_64-linux-gnu.so",
        "google/protobuf/message.py",
        "starlette-1.0.dist-info/RECORD",
        "starlette/__pycache__/app.cpython-312.pyc",
    )

    assert trim(tmp_path) == 110
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(kept)


def test_folders_that_are_empty_then_go_too(tmp_path):
    lay(tmp_path, "google/protobuf/internal/x.py", "numpy/__init__.py")

    trim(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["numpy"]


def test_no_licence_is_left_out():
    assert not any("licen" in pattern.lower() for pattern in LEFT_OUT) and all(LEFT_OUT.values())
