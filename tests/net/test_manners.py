from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import BadStatus, BrokenOff, FetchFailed, TimedOut, Unreachable
from fieldmark.net import manners
from fieldmark.net.guard import check_url
from fieldmark.net.manners import PACES, Manners, Pace, retry_after, waiting_is_lifted
from support.slow_clock import SlowClock

URL = check_url("https://example.org/a.jpg")
OTHER = check_url("https://other.example/a.jpg")


@pytest.fixture
def clock():
    return SlowClock()


@pytest.fixture
def polite(clock):
    return Manners(now=clock.now, sleep=clock.sleep, chance=lambda: 0.0)


async def many(polite, url, count, starts, clock, lasts=0.0, **provider):
    async def one():
        async with polite.turn(url, **provider):
            starts.append(clock.now())
            if lasts:
                await clock.sleep(lasts)

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)


async def fail(polite, url, error):
    with pytest.raises(FetchFailed):
        async with polite.turn(url):
            raise error


# ------------------------------------------------------------------------------------------------------------- turns


def test_a_host_is_called_ten_times_a_second_at_most(clock, polite):
    starts = []
    clock.run(lambda: many(polite, URL, 20, starts, clock))
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) == pytest.approx(0.1)
    assert starts[-1] - starts[0] == pytest.approx(1.9)


def test_a_host_has_two_connections_at_a_time(clock, polite):
    starts = []
    clock.run(lambda: many(polite, URL, 6, starts, clock, lasts=5.0))
    assert [round(start - starts[0], 6) for start in starts] == [0, 0.1, 5.0, 5.1, 10.0, 10.1]


def test_a_slow_host_keeps_nobody_else_waiting(clock, polite):
    slow, quick = [], []

    async def work():
        async with anyio.create_task_group() as group:
            group.start_soon(many, polite, URL, 10, slow, clock, 60.0)
            group.start_soon(many, polite, OTHER, 10, quick, clock)

    clock.run(work)
    assert max(quick) - min(quick) < 1.0
    assert max(slow) - min(slow) > 200


def test_turns_come_in_the_order_in_which_they_were_asked_for(clock, polite):
    order = []

    async def one(n):
        async with polite.turn(URL):
            order.append(n)

    async def work():
        async with anyio.create_task_group() as group:
            for n in range(10):
                group.start_soon(one, n)

    clock.run(work)
    assert order == list(range(10))


@pytest.mark.parametrize("host", PACES)
def test_hosts_that_are_known_to_throttle_are_called_by_their_own_rules(clock, polite, host):
    starts = []
    clock.run(lambda: many(polite, check_url(f"https://{host}/a.jpg"), 4, starts, clock))
    assert starts[-1] - starts[0] == pytest.approx(3 * PACES[host].interval)
    assert PACES[host].interval > Pace().interval


def test_a_provider_has_turns_of_its_own_one_at_a_time(clock, polite):
    starts, photos = [], []

    async def work():
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: many(polite, URL, 3, starts, clock, 1.0, provider="openverse", interval=3.0))
            group.start_soon(lambda: many(polite, URL, 3, photos, clock))

    clock.run(work)
    assert starts[-1] - starts[0] == pytest.approx(6.0)
    assert photos[-1] - photos[0] == pytest.approx(0.2)


# ------------------------------------------------------------------------------------------------------------ pauses


async def refused(polite, url, asked=None):
    with pytest.raises(BadStatus):
        async with polite.turn(url):
            polite.pause(url, asked)
            raise BadStatus("429", 429, asked)


def next_start(clock, polite, url):
    async def go():
        async with polite.turn(url):
            return clock.now()

    return clock.run(go)


def test_retry_after_holds_for_the_whole_host_and_for_no_other(clock, polite):
    before = clock.now()
    clock.run(lambda: refused(polite, URL, 30.0))
    assert next_start(clock, polite, OTHER) - before < 1
    assert next_start(clock, polite, check_url("https://example.org/another.jpg")) - before == pytest.approx(30.0)


def test_whoever_waits_for_a_turn_when_a_pause_begins_waits_for_its_end(clock, polite):
    starts = []

    async def work():
        async with anyio.create_task_group() as group:
            group.start_soon(many, polite, URL, 3, starts, clock)
            async with polite.turn(URL):
                polite.pause(URL, 20.0)

    begun = clock.now()
    clock.run(work)
    assert [round(start - begun) for start in starts] == [20, 20, 20]


def test_pauses_without_a_number_double_and_then_the_host_is_given_up(clock, polite):
    waits = []
    for _ in range(7):
        before = clock.now()
        clock.run(lambda: refused(polite, URL))
        waits.append(round(clock.now() - before))
    assert waits == [0, 1, 2, 4, 8, 16, 32]
    clock.run(lambda: refused(polite, URL))
    with pytest.raises(BadStatus, match=r"example\.org keeps saying that we call too often") as failure:
        next_start(clock, polite, URL)
    assert failure.value.final


def test_flickr_is_left_alone_for_a_minute_after_its_first_refusal(clock, polite):
    flickr = check_url("https://live.staticflickr.com/1/2_3_b.jpg")
    before = clock.now()
    clock.run(lambda: refused(polite, flickr))
    assert next_start(clock, polite, flickr) - before == pytest.approx(60)


def test_half_a_minute_without_a_refusal_makes_the_next_pause_short_again(clock, polite):
    for _ in range(4):
        clock.run(lambda: refused(polite, URL))
    next_start(clock, polite, URL)
    clock.time += manners.CALM
    before = clock.now()
    clock.run(lambda: refused(polite, URL))
    assert next_start(clock, polite, URL) - before == pytest.approx(1.0)


def test_a_pause_may_be_asked_for_after_the_turn_and_doubles_all_the_same(clock, polite):
    waits = []
    for _ in range(4):
        before = next_start(clock, polite, URL)
        polite.pause(URL, None)
        waits.append(round(next_start(clock, polite, URL) - before))
    assert waits == [1, 2, 4, 8]


def test_two_refusals_at_once_are_one_pause(clock, polite):
    async def work():
        async with polite.turn(URL), polite.turn(URL):
            polite.pause(URL, None)
            polite.pause(URL, None)

    before = clock.now()
    clock.run(work)
    assert next_start(clock, polite, URL) - before == pytest.approx(1.0, abs=0.2)


def test_an_absurd_wish_ends_the_host_at_once_and_says_so(clock, polite):
    clock.run(lambda: refused(polite, URL, 7200.0))
    with pytest.raises(BadStatus, match=r"example\.org wants no call for 2 hours\. Run the same command again") as end:
        next_start(clock, polite, URL)
    assert (end.value.code, end.value.retry_after, end.value.final) == (429, 7200.0, True)
    assert clock.slept == []


def test_backing_off_grows_with_each_try_and_varies_by_chance(clock):
    for chance, expected in ((0.0, [0.5, 1.0, 2.0]), (1.0, [1.0, 2.0, 4.0])):
        clock.slept.clear()
        polite = Manners(now=clock.now, sleep=clock.sleep, chance=lambda chance=chance: chance)

        async def three(polite=polite):
            for attempt in (1, 2, 3):
                await polite.back_off(URL, attempt)

        clock.run(three)
        assert clock.slept == expected


# -------------------------------------------------------------------------------------------------------- dead hosts


def test_a_host_that_cannot_be_reached_twice_is_not_asked_again(clock, polite):
    clock.run(lambda: fail(polite, URL, Unreachable("Nobody answers there.")))
    next_error = Unreachable("Nobody answers there.")
    clock.run(lambda: fail(polite, URL, next_error))
    assert next_error.final
    with pytest.raises(Unreachable, match=r"example\.org is not asked again in this run\. Nobody answers") as failure:
        next_start(clock, polite, URL)
    assert failure.value.final
    next_start(clock, polite, OTHER)


def test_a_host_that_answers_in_between_stays(clock, polite):
    for error in (Unreachable("x"), BadStatus("404", 404), Unreachable("x"), BrokenOff("x"), BrokenOff("x")):
        clock.run(lambda error=error: fail(polite, URL, error))
    next_start(clock, polite, URL)


def test_a_host_that_is_too_slow_six_times_in_a_row_is_given_up(clock, polite):
    for _ in range(5):
        clock.run(lambda: fail(polite, URL, TimedOut("slow")))
    next_start(clock, polite, URL)
    for _ in range(6):
        clock.run(lambda: fail(polite, URL, TimedOut("slow")))
    with pytest.raises(TimedOut, match="not asked again"):
        next_start(clock, polite, URL)


# ----------------------------------------------------------------------------------------------------------- no wait

LIFTED = {"FIELDMARK_NO_WAIT": "1", "FIELDMARK_ALLOW_HOSTS": "127.0.0.1:8123,[::1]:9000"}


@pytest.mark.parametrize(
    ("host", "port", "environ", "expected"),
    [
        ("127.0.0.1", 8123, LIFTED, True),
        ("::1", 9000, LIFTED, True),
        ("127.0.0.1", 8124, LIFTED, False),
        ("127.0.0.2", 8123, LIFTED, False),
        ("localhost", 8123, LIFTED, False),
        ("example.org", 443, LIFTED, False),
        ("127.0.0.1", 8123, {**LIFTED, "FIELDMARK_NO_WAIT": "0"}, False),
        ("127.0.0.1", 8123, {**LIFTED, "FIELDMARK_NO_WAIT": ""}, False),
        ("127.0.0.1", 8123, {"FIELDMARK_NO_WAIT": "1"}, False),
    ],
)
def test_waiting_is_lifted_for_exempt_addresses_only(host, port, environ, expected):
    assert waiting_is_lifted(host, port, environ) is expected


def test_lifting_is_announced_once_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr(manners, "_announced", set())
    for _ in range(3):
        waiting_is_lifted("127.0.0.1", 8123, LIFTED)
    lines = [line for line in capsys.readouterr().err.splitlines() if "FIELDMARK_NO_WAIT" in line]
    assert lines == ["fieldmark: FIELDMARK_NO_WAIT is set: calls to 127.0.0.1:8123, ::1:9000 are not slowed down"]


def test_a_lifted_host_has_no_rate_no_cap_and_no_pause_and_others_keep_theirs(clock, polite, monkeypatch):
    for name, value in LIFTED.items():
        monkeypatch.setenv(name, value)
    own, starts = check_url("http://127.0.0.1:8123/a.jpg"), []

    async def work():
        async with polite.turn(own), polite.turn(own), polite.turn(own):
            polite.pause(own, 60.0)
        await polite.back_off(own, 3)
        await many(polite, own, 50, starts, clock)

    clock.run(work)
    assert clock.slept == []
    clock.run(lambda: many(polite, URL, 3, starts, clock))
    assert clock.slept != []


# ------------------------------------------------------------------------------------------------------- Retry-After

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("17\n99", 17.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Monday, 23-Nov-26 12:02:00 GMT", 120.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("١٧", None),
        ("Mon, 99 Foo 9999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text, seconds):
    assert retry_after({"retry-after": text}, now=lambda: NOW) == seconds


def test_no_retry_after_is_none_and_a_number_without_end_is_long():
    assert retry_after({}) is None
    assert retry_after({"retry-after": "9" * 5000}) > 1e11


@given(st.text(max_size=70) | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"))
def test_any_retry_after_is_read_without_an_error(text):
    seconds = retry_after({"retry-after": text})
    assert seconds is None or seconds >= 0
