"""Network work is done in a script and in a notebook alike."""

import asyncio

import anyio
import pytest

import fieldmark as fm
from fieldmark.net.loops import run
from support.flat import paint_flat


async def answer():
    await anyio.sleep(0)
    return 42


async def fail():
    raise LookupError("no such thing")


async def in_a_notebook(work):
    return work()


def test_work_is_done_with_and_without_a_loop_around_it():
    assert run(answer) == 42
    assert asyncio.run(in_a_notebook(lambda: run(answer))) == 42


def test_a_fault_comes_back_as_it_was():
    with pytest.raises(LookupError, match="no such thing"):
        asyncio.run(in_a_notebook(lambda: run(fail)))


def test_a_notebook_can_harvest(tmp_path):
    source = paint_flat(tmp_path / "colours", {"red": 3, "blue": 3})

    harvested = asyncio.run(in_a_notebook(lambda: fm.harvest(source, out=tmp_path / "workspace", min_side=32)))

    assert harvested.photos == {"red": 3, "blue": 3}
