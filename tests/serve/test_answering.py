import asyncio
import sys
import threading
from pathlib import Path

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import TooManyPixels
from fieldmark.serve import answers
from fieldmark.serve.answers import Answers, Gate, Held
from fieldmark.serve.limits import Limits
from fieldmark.serve.refusals import Refused
from fieldmark.serve.tally import Tally
from support.tiny_model import RED, picture_bytes, tiny_model_bytes


@pytest.fixture(scope="module")
def model():
    return Model(tiny_model_bytes())


class Slow:
    """A model that waits until it may answer, and knows how many wait in it at most."""

    def __init__(self, model):
        self.info, self.digest, self._model = model.info, model.digest, model
        self.may_answer = threading.Event()
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def predict(self, pixels):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.may_answer.wait(20)
        with self._lock:
            self.inside -= 1
        return self._model.predict(pixels)


async def until(condition):
    while not condition():
        await asyncio.sleep(0.002)


def test_as_many_are_looked_at_as_there_are_threads_and_the_others_wait(model):
    slow = Slow(model)
    desk = Answers(slow, Limits(threads=2, waiting=9), Tally())

    async def crowd():
        tasks = [asyncio.create_task(desk.about(picture_bytes(RED))) for _ in range(5)]
        await until(lambda: slow.inside == 2)
        assert (desk.looking, desk.waiting) == (2, 3)
        slow.may_answer.set()
        return await asyncio.gather(*tasks)

    replies = asyncio.run(crowd())
    assert [reply["predictions"][0][0] for reply in replies] == ["coral"] * 5
    assert slow.most == 2
    assert (desk.looking, desk.waiting) == (0, 0)


class Named:
    """A model that writes down that it was asked."""

    def __init__(self, model, asked):
        self.info, self.digest, self._model, self._asked = model.info, model.digest, model, asked

    def predict(self, pixels):
        self._asked.append("for several")
        return self._model.predict(pixels)


def test_a_picture_alone_goes_to_the_model_with_more_threads_and_one_beside_another_does_not(model):
    alone, asked = Slow(model), []
    desk = Answers(Named(model, asked), Limits(threads=2), Tally())
    desk.for_one = alone

    async def two():
        first = asyncio.create_task(desk.about(picture_bytes(RED)))
        await until(lambda: alone.inside == 1)
        assert not asked
        await desk.about(picture_bytes(RED))
        assert asked == ["for several"]
        alone.may_answer.set()
        await first
        await desk.about(picture_bytes(RED))

    asyncio.run(two())
    assert (asked, alone.most) == (["for several"], 1)


def test_a_picture_that_others_wait_for_is_not_alone(model):
    alone, asked = Slow(model), []
    desk = Answers(Named(model, asked), Limits(threads=1), Tally())
    desk.for_one = alone

    async def three():
        first = asyncio.create_task(desk.about(picture_bytes(RED)))
        await until(lambda: alone.inside == 1)
        others = [asyncio.create_task(desk.about(picture_bytes(RED))) for _ in range(2)]
        await until(lambda: desk.waiting == 2)
        alone.may_answer.set()
        await asyncio.gather(first, *others)

    asyncio.run(three())
    assert asked == ["for several"]  # the second, beside which the third waits


def test_past_those_that_may_wait_one_is_told_to_come_back(model):
    slow = Slow(model)
    desk = Answers(slow, Limits(threads=1, waiting=2), Tally())

    async def crowd():
        tasks = [asyncio.create_task(desk.about(picture_bytes(RED))) for _ in range(3)]
        await until(lambda: slow.inside == 1)
        with pytest.raises(Refused, match="2 pictures wait") as refused:
            await desk.about(picture_bytes(RED))
        slow.may_answer.set()
        await asyncio.gather(*tasks)
        await desk.about(picture_bytes(RED))
        return refused.value

    refused = asyncio.run(crowd())
    assert (refused.status_code, refused.reason) == (503, "queue")
    assert int(refused.headers["Retry-After"]) >= 1


def test_a_picture_that_takes_too_long_is_given_up_and_its_thread_is_known_to_be_stuck(model):
    slow = Slow(model)
    desk = Answers(slow, Limits(threads=1, picture_seconds=0.05), Tally())

    async def one():
        with pytest.raises(Refused, match=r"within 0\.05 seconds") as refused:
            await desk.about(picture_bytes(RED))
        await until(desk.is_stuck)
        slow.may_answer.set()
        await until(lambda: desk.looking == 0)
        assert not desk.is_stuck()
        return refused.value

    assert asyncio.run(one()).reason == "slow_picture"


def test_one_that_was_given_up_while_it_waited_is_not_looked_at_any_more(model):
    slow = Slow(model)
    tally = Tally()
    desk = Answers(slow, Limits(threads=1, picture_seconds=0.05), tally)

    async def two():
        results = await asyncio.gather(*(desk.about(picture_bytes(RED)) for _ in range(2)), return_exceptions=True)
        assert desk.waiting == 0
        slow.may_answer.set()
        await until(lambda: desk.looking == 0)
        return results

    assert [result.reason for result in asyncio.run(two())] == ["slow_picture"] * 2
    assert slow.most == 1


def test_large_pictures_are_looked_at_one_at_a_time_and_small_ones_pass_them(model, monkeypatch):
    monkeypatch.setattr(answers, "LARGE_PHOTO", 1000)
    slow = Slow(model)
    desk = Answers(slow, Limits(threads=2, upload_pixels=10_000), Tally())
    large, small = picture_bytes(RED, size=(100, 50)), picture_bytes(RED, size=(10, 10))

    async def crowd():
        tasks = [asyncio.create_task(desk.about(picture)) for picture in (large, large, large)]
        await until(lambda: slow.inside == 1 and desk.waiting == 2)
        quick = asyncio.create_task(desk.about(small))
        await until(lambda: slow.inside == 2)
        slow.may_answer.set()
        await asyncio.gather(quick, *tasks)

    asyncio.run(crowd())
    assert slow.most == 2  # one large, one small


def test_a_picture_past_the_limit_is_refused_whichever_way_it_goes(model, monkeypatch):
    monkeypatch.setattr(answers, "LARGE_PHOTO", 1000)
    for most in (500, 1000, 2000):
        desk = Answers(model, Limits(upload_pixels=most), Tally())
        with pytest.raises(TooManyPixels, match=f"more than the {most / 1e6:g} million"):
            asyncio.run(desk.about(picture_bytes(RED, size=(100, 50))))


def test_too_little_memory_for_a_picture_is_a_sentence(model):
    class Poor(Slow):
        def predict(self, pixels):
            raise MemoryError

    with pytest.raises(Refused, match="too little memory"):
        asyncio.run(Answers(Poor(model), Limits(), Tally()).about(picture_bytes(RED)))


def test_a_gate_lets_in_so_many_and_forgets_who_left():
    gate = Gate(1, "fetches", "URLs")
    with gate.enter(), pytest.raises(Refused, match="busy with 1 URLs"), gate.enter():
        pass
    assert gate.inside == 0
    with pytest.raises(ZeroDivisionError), gate.enter():
        _ = 1 / 0
    assert gate.inside == 0


def test_bytes_are_held_up_to_a_limit_and_let_go_at_the_end():
    held = Held(100)
    with held.holding() as first, held.holding() as second:
        first(60)
        second(40)
        with pytest.raises(Refused) as refused:
            second(1)
        assert refused.value.reason == "memory"
    assert held.held == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems' allocators are not asked")
def test_what_a_large_picture_took_is_given_back(model):
    picture = picture_bytes(RED, size=(4200, 4000))
    desk = Answers(model, Limits(), Tally())
    asyncio.run(desk.about(picture_bytes(RED)))
    before = resident_mib()
    assert asyncio.run(desk.about(picture))["predictions"][0][0] == "coral"
    assert resident_mib() < before + 60  # its pixels as float32 alone are 192 MiB


def resident_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
