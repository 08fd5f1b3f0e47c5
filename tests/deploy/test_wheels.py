import pytest

from fieldmark.deploy import wheels
from fieldmark.deploy.host import Host
from fieldmark.deploy.wheels import install
from fieldmark.errors import TargetError


def test_without_pip_the_way_to_get_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)

    with pytest.raises(TargetError, match="python -m ensurepip"):
        install(["numpy"], Host.of(), tmp_path)


def test_offline_it_says_what_pip_says_and_for_which_host(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    with pytest.raises(TargetError, match=r"could not be had for Python 3\.12 on arm64.*numpy.*needs a network"):
        install(["numpy"], Host("3.12", "arm64"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
