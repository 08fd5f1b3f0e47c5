import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.net.unpack import Damaged, TooLong, unpack

BODY = b"a picture " * 50


def packed_gzip(data):
    """Without the time of day in its header: two workers that collect these tests must read the same names."""
    return gzip.compress(data, mtime=0)


def naked(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", packed_gzip(BODY)),
        ("GZIP", packed_gzip(BODY)),
        ("x-gzip", packed_gzip(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", naked(BODY)),
        ("deflate, gzip", packed_gzip(zlib.compress(BODY))),
        ("gzip\ngzip", packed_gzip(packed_gzip(BODY))),
    ],
)
def test_what_was_packed_is_unpacked(encoding, packed):
    assert unpack(packed, encoding, 1000) == BODY


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", b""),
        ("gzip", b"no gzip"),
        ("gzip", packed_gzip(BODY)[:-9]),
        ("gzip", naked(BODY)),
        ("deflate", b"\xff\xff\xff"),
        ("br", BODY),
        ("zstd", BODY),
        ("gzip, gzip, gzip", BODY),
        ("x" * 5000, BODY),
    ],
)
def test_what_is_not_packed_as_it_says_is_damaged(encoding, packed):
    with pytest.raises(Damaged) as failure:
        unpack(packed, encoding, 1000)
    assert len(str(failure.value)) < 100


def test_the_limit_holds_to_the_byte_and_for_every_layer():
    assert unpack(packed_gzip(BODY), "gzip", len(BODY)) == BODY
    with pytest.raises(TooLong):
        unpack(packed_gzip(BODY), "gzip", len(BODY) - 1)
    with pytest.raises(TooLong):
        unpack(packed_gzip(packed_gzip(BODY)), "gzip, gzip", 5)


def test_a_bomb_takes_no_more_memory_than_the_limit():
    bomb = packed_gzip(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLong):
            unpack(bomb, "gzip", 100_000)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "gzip, deflate"]))
def test_arbitrary_bytes_are_unpacked_or_damaged(packed, encoding):
    with suppress(Damaged, TooLong):
        assert len(unpack(packed, encoding, 1000)) <= 1000
