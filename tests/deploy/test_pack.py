import io
import os
import zipfile

from fieldmark.deploy.pack import pack


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 50)


def test_the_same_files_give_the_same_bytes_whenever_and_in_whatever_order_they_were_written(tmp_path):
    names = ["b.py", "a/z.py", "a/b/c.so", "é.txt"]
    fill(tmp_path / "one", names)
    fill(tmp_path / "two", reversed(names))
    os.utime(tmp_path / "two" / "b.py", (1, 1))
    (tmp_path / "two" / "b.py").chmod(0o700)

    assert pack(tmp_path / "one") == pack(tmp_path / "two")


def test_names_are_sorted_and_files_readable_by_whoever_runs_them(tmp_path):
    fill(tmp_path, ["b.py", "a/z.py"])
    with zipfile.ZipFile(io.BytesIO(pack(tmp_path))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a/z.py", "b.py"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert archive.read("b.py") == b"b.py" * 50
