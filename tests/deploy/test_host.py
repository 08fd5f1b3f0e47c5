import platform
import sys

import pytest

from fieldmark.deploy.host import Host
from fieldmark.errors import WrongUsage

HERE = f"3.{sys.version_info.minor}"


def test_by_default_it_is_this_python_on_the_processor_that_most_hosts_have():
    assert Host.of() == Host(HERE, "x86_64") and str(Host("3.12", "arm64")) == "Python 3.12 on arm64"


@pytest.mark.parametrize("python", ["3.10", "2.7", "3", "312", "3.12.1", "3.x", "3.999", "3.12\n"])
def test_a_python_that_fieldmark_does_not_run_on_is_refused(python):
    with pytest.raises(WrongUsage, match=r"(?s)--python .* makes no sense: give 3\.11 or newer"):
        Host.of(python)


@pytest.mark.parametrize("arch", ["amd64", "aarch64", "riscv"])
def test_a_processor_of_another_name_is_refused_with_those_that_are(arch):
    with pytest.raises(WrongUsage, match="give x86_64 or arm64"):
        Host.of(None, arch)


def test_tags_go_from_the_newest_glibc_that_is_sure_to_be_there_down():
    tags = Host("3.12", "arm64").wheel_tags()

    assert tags[0] == "manylinux_2_28_aarch64" and tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_only_this_very_python_and_processor_are_like_this():
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    other = "arm64" if machine == "x86_64" else "x86_64"

    assert Host(HERE, machine).is_like_this == (sys.platform == "linux")
    assert not Host(HERE, other).is_like_this and not Host("3.99", machine).is_like_this
    assert Host(HERE, other).has_this_python and not Host("3.99", machine).has_this_python
