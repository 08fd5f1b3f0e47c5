import ctypes
import gc

import pytest

from fieldmark.engines import memory
from fieldmark.engines.memory import give_back_memory, keep_freed_memory, uncollected


def test_memory_can_be_given_back_again_and_again():
    give_back_memory()
    give_back_memory()


def test_where_there_is_another_allocator_nothing_happens(monkeypatch):
    class Other:
        """A library without `malloc_trim` and `mallopt`."""

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Other())
    assert memory._of_glibc("malloc_trim") is memory._of_glibc("mallopt") is None
    give_back_memory()
    keep_freed_memory()


@pytest.mark.parametrize("collects", [True, False])
def test_the_search_for_garbage_rests_within_and_is_afterwards_as_it_was(collects):
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), uncollected():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()
