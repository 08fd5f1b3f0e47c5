"""The two webs that the tests of peers' faults harvest: one of painted snakes, and one that a test fills itself."""

import os

import pytest

from fieldmark.demo.smallweb import SmallWeb, cheap
from support.bad_web import bad_web
from support.harvesting import set_environment


@pytest.fixture(scope="package")
def whole_small_web():
    with SmallWeb(per_class=14, paint=cheap) as small:
        yield small


@pytest.fixture
def small_web(whole_small_web, monkeypatch):
    set_environment(monkeypatch, whole_small_web.environment())
    whole_small_web.requests.clear()
    return whole_small_web


@pytest.fixture
def host(monkeypatch):
    with bad_web() as host:
        allowed = [
            *os.environ.get("FIELDMARK_ALLOW_HOSTS", "").split(),
            host.endpoint,
        ]  # the small web, where it is there
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", ",".join(allowed))
        monkeypatch.setenv("FIELDMARK_NO_WAIT", "1")
        yield host
