import ctypes

from fieldmark.engines import memory
from fieldmark.engines.memory import give_back_memory, keep_freed_memory


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
