import io
import os
import select
import sys
from itertools import takewhile

import pytest
from rich.cells import cell_len
from rich.console import Console

from fieldmark.artifacts import candidates
from fieldmark.artifacts.candidates import STATUSES, Tally
from fieldmark.terminal import Voice, say, speaking
from fieldmark.yields.live import PLAIN_EVERY, SHARE, Live, Pace, describe_work, draw, say_clock, say_duration
from fieldmark.yields.table import Counts, merge

STATUS = ["searching flickr", "1,234 to fetch", "4.2 photos/s, at least 3 min left", "1:23 so far"]


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def rows_of(n_providers, n_classes, n=7):
    return merge(
        Tally(f"class {c:02}", "q", f"provider{p:02}", status, n + p + c)
        for p in range(n_providers)
        for c in range(n_classes)
        for status in STATUSES
    )


def shown(rows, width, height, status=STATUS):
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(draw(rows, status, width, height))
    return console.file.getvalue().splitlines()


def terminal(width=100, height=30):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (11, 20)])
def test_the_table_fits_the_terminal_and_shows_the_columns_of_a_harvest(width, size):
    lines = shown(rows_of(*size), width, 24)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) < 24
    table = [line for line in takewhile(str.strip, lines) if not line.startswith("…")]
    assert len({cell_len(line) for line in table}) == 1
    for heading in ("found", "fetched", "refused", "failed", *(("duplicate", "too small") if width >= 80 else ())):
        assert heading in lines[0]


def test_each_figure_stands_below_its_heading():
    head, line, *_ = shown(
        merge([Tally("coral", "q", "bing", "ok", 12), Tally("coral", "q", "bing", "robots", 3)]), 100, 24
    )
    assert line.startswith("bing: coral ")
    for heading, figure in (("found", "15"), ("fetched", "12"), ("refused", "3"), ("failed", "0")):
        end = head.index(heading) + len(heading)
        assert line[:end].endswith(f" {figure}")


def test_classes_stand_below_their_provider():
    lines = [line.split("  ")[0] or line.strip().split("   ")[0] for line in shown(rows_of(2, 2), 100, 24)[1:7]]
    assert lines == ["provider00", "class 00", "class 01", "provider01", "class 00", "class 01"]


def test_what_has_no_room_is_folded_into_one_line_and_the_busiest_stay():
    tallies = [Tally(f"class {i:02}", "q", "bing", "pending", i) for i in range(30)]
    lines = shown(merge(tallies), 100, 16)
    text = "\n".join(lines)
    assert len(lines) < 16
    assert "class 29" in text
    assert "class 03" not in text
    hidden = 31 - sum("class" in line or line.startswith("bing") for line in lines)
    assert f"… {hidden} lines more, counted in the totals" in text


def test_a_very_low_terminal_still_shows_the_total():
    assert any(line.startswith("all ") for line in shown(rows_of(11, 20), 60, 6))


def test_wide_characters_do_not_shift_the_figures():
    lines = shown(merge([Tally("熊" * 40, "q", "bing", "ok", 1), Tally("b", "q", "baidu", "ok", 2)]), 70, 20)
    assert len({cell_len(line) for line in lines[:4]}) == 1


def test_a_library_call_shows_nothing_and_does_not_count(sample, capfd, monkeypatch):
    monkeypatch.setattr(candidates, "tally", lambda catalog: pytest.fail("counted"))
    console = terminal()
    with Live(sample.catalog, list, console) as live:
        live.refresh()
    assert console.file.getvalue() == ""
    assert capfd.readouterr() == ("", "")


def test_the_live_table_follows_the_catalog(sample, aloud):
    console, clock = terminal(), Clock()
    with Live(sample.catalog, lambda: ["openverse"], console, clock) as live:
        sample.photo(b"one")
        live.refresh()
        assert "openverse: coral" in console.file.getvalue()
        assert "searching openverse" in console.file.getvalue()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_ends_it_the_cursor_comes_back(sample, aloud, error):
    console = terminal()
    with pytest.raises(error), Live(sample.catalog, list, console) as live:
        live.refresh()
        raise error
    drawn = console.file.getvalue()
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1


def test_looking_takes_no_more_than_its_share_of_the_time(sample, aloud, monkeypatch):
    clock, looks = Clock(), []

    def slow(catalog):
        looks.append(clock.now)
        clock.now += 2.0
        return []

    monkeypatch.setattr(candidates, "tally", slow)
    with Live(sample.catalog, list, terminal(), clock) as live:
        looks.clear()
        begin = clock.now
        while clock.now < begin + 1000:
            live.refresh()
            clock.now += 0.5
        assert len(looks) * 2.0 <= SHARE * (clock.now - begin) + 2.0
        assert len(looks) >= 20


def test_without_a_terminal_a_line_is_said_now_and_then(sample, aloud, capsys):
    clock = Clock()
    with Live(sample.catalog, lambda: ["bing"], Console(file=io.StringIO()), clock) as live:
        sample.end("pending", n=9)
        for i in range(100):  # 50 seconds
            clock.now += 0.5
            if i < 20:
                sample.photo(str(i).encode(), n=10 + i)
            live.refresh()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == int(50 / PLAIN_EVERY)
    assert lines[0] == (
        "21 candidates, 20 fetched; searching bing; 1 to fetch; 2.0 photos/s, at least 1 s left; 0:10 so far"
    )


def test_with_json_the_plain_lines_leave_stdout_alone(sample, capsys):
    clock = Clock()
    with speaking(Voice.STDERR), Live(sample.catalog, list, Console(file=io.StringIO()), clock) as live:
        clock.now += PLAIN_EVERY
        live.refresh()
    out, err = capsys.readouterr()
    assert out == ""
    assert "0 candidates" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_piped_stdout_keeps_its_lines_while_the_table_is_on_the_terminal(sample, capsys, monkeypatch):
    import pty

    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stderr, speaking(Voice.STDOUT):
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setenv("TERM", "xterm")
        with Live(sample.catalog, list) as live:
            live.refresh()
            say("a line for the pipe")
        monkeypatch.undo()
        drawn = b""
        while select.select([master], [], [], 0)[0]:  # one read may give no more than one write
            drawn += os.read(master, 65536)
    os.close(master)
    assert capsys.readouterr().out == "a line for the pipe\n"
    assert b"found" in drawn
    assert b"a line" not in drawn


def test_the_pace_is_that_of_the_last_seconds():
    pace = Pace()
    for second in range(61):
        done = 10 * min(second, 30) + 2 * max(0, second - 30)
        pace.note(float(second), Counts({"ok": done, "pending": 100}))
    assert pace.photos == pytest.approx(2.0)
    assert pace.seconds_left(100) == pytest.approx(50.0)


def test_what_an_earlier_run_fetched_is_no_pace():
    pace = Pace()
    pace.note(0.0, Counts({"ok": 5000}))
    pace.note(10.0, Counts({"ok": 5010}))
    assert pace.photos == pytest.approx(1.0)


def test_the_time_left_counts_failures_as_done():
    pace = Pace()
    pace.note(0.0, Counts({"pending": 100}))
    pace.note(10.0, Counts({"pending": 50, "timeout": 50}))
    assert pace.photos == 0.0
    assert pace.seconds_left(50) == pytest.approx(10.0)


def test_while_searches_go_on_the_time_left_is_a_lower_bound():
    pace = Pace()
    pace.note(0.0, Counts({"pending": 200}))
    pace.note(10.0, Counts({"pending": 190, "ok": 10}))
    assert pace.describe(190, more_to_come=True) == "1.0 photos/s, at least 3 min left"
    assert pace.describe(190, more_to_come=False) == "1.0 photos/s, about 3 min left"


def test_a_harvest_that_stands_still_has_no_time_left():
    pace = Pace()
    assert pace.describe(5, more_to_come=False) == "no rate yet"
    pace.note(0.0, Counts({"pending": 5}))
    pace.note(20.0, Counts({"pending": 5}))
    assert pace.describe(5, more_to_come=False) == "0.0 photos/s, time left unknown"


def test_photos_that_turn_out_to_be_in_conflict_make_no_negative_pace():
    pace = Pace()
    pace.note(0.0, Counts({"ok": 10}))
    pace.note(5.0, Counts({"ok": 9, "conflict": 2}))
    assert pace.photos == 0.0


def test_many_searching_providers_are_folded():
    assert describe_work(["a", "b", "c", "d", "e"], Counts({"pending": 2})) == [
        "searching a, b, c and 2 more",
        "2 to fetch",
    ]
    assert describe_work(["a", "b"], Counts()) == ["searching a and b"]
    assert describe_work([], Counts({"conflict": 2})) == ["2 in conflict", "finishing"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (54, "54 s"), (59, "1 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min")]
)
def test_a_guess_at_the_time_left_is_rough(seconds, words):
    assert say_duration(seconds) == words


def test_the_time_so_far_is_exact():
    assert [say_clock(65), say_clock(7207)] == ["1:05", "2:00:07"]
