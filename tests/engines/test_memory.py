import ctypes

from fieldmark.engines import memory
from fieldmark.engines.memory import give_back_memory


def test_memory_can_be_given_back_again_and_again():
    give_back_memory()
    give_back_memory()


def test_where_there_is_another_allocator_nothing_happens(monkeypatch):
    class Other:
        """A library without `malloc_trim`."""

    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Other())
    try:
        assert memory._trim() is None
        give_back_memory()
    finally:
        memory._trim.cache_clear()
