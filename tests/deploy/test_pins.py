import subprocess
import sys
from importlib import metadata

import pytest

from fieldmark.deploy import pins as module
from fieldmark.deploy.pins import SERVING, as_requirements, core, pins
from fieldmark.errors import TargetError


def test_what_is_needed_in_turn_is_pinned_too_in_the_version_that_is_here():
    found = pins(["starlette", "httpx2"])

    assert found["starlette"] == metadata.version("starlette") and found["h11"] == metadata.version("h11")
    assert list(found) == sorted(found)


def test_extras_do_not_count_and_what_is_not_installed_is_left_to_pip(monkeypatch):
    class Made:
        version = "1.0+local"
        requires = ("absent>=1; sys_platform == 'win32'", "heavy; extra == 'all'", "Typing_Extensions>=4")

    def distribution(name):
        if name in ("made", "heavy", "typing-extensions"):
            return Made()
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.metadata, "distribution", distribution)

    assert pins(["made"]) == {"made": "1.0", "typing-extensions": "1.0"}


def test_lines_for_pip_name_versions_where_they_are_known():
    versions = {"numpy": "2.4.6", "pillow": "13.0.0"}

    assert as_requirements(versions) == "numpy==2.4.6\npillow==13.0.0\n"
    assert as_requirements(versions, ["Pillow", "absent"]) == "pillow==13.0.0\nabsent\n"


def test_the_core_is_what_the_package_asks_for_without_extras():
    names = core()

    assert {"numpy", "onnxruntime", "uvicorn", "starlette"} <= set(names)
    assert not {"torch", "timm", "pi-heif", "pyarrow"} & set(names)


def test_source_that_was_never_installed_says_what_to_do(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.metadata, "requires", requires)
    with pytest.raises(TargetError, match="pip install --editable"):
        core()


def test_a_function_needs_no_package_that_is_not_listed():
    """Whatever answering imports belongs to a listed package, or to one that those ask for."""
    code = "import sys, fieldmark.serve.functions; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    homes = metadata.packages_distributions()
    owners = {owner.lower() for name in loaded for owner in homes.get(name, ())}

    assert "starlette" in owners
    ours = {"fieldmark", "setuptools"}  # setuptools puts a hook into every process of an environment that has it
    assert owners - ours <= {name for listed in pins(SERVING) for name in (listed, listed.replace("-", "_"))}
