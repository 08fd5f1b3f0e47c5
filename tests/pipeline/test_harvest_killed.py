"""SIGKILL at random moments of a harvest, then a finished run: what is left equals what an uninterrupted one leaves."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fieldmark.demo.smallweb import SmallWeb, cheap
from support.harvesting import everything, sheet_in

pytestmark = pytest.mark.long

SEED = 7


class Harvests:
    """Runs `fieldmark harvest` of one sheet from one small web, in processes that can be killed."""

    def __init__(self, web: SmallWeb, folder: Path, providers: str) -> None:
        self._environment = {**os.environ, **web.environment(), "XDG_CACHE_HOME": str(folder / "cache")}
        self._sheet, self._providers = sheet_in(folder), providers
        self.seconds = 0.0

    def start(self, workspace: Path) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "fieldmark",
            "harvest",
            self._sheet,
            "-o",
            str(workspace),
            "-c",
            self._providers,
        ]
        return subprocess.Popen(
            [*command, "-m", "1000", "--keep", "--contact", "tests@example.org"],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def finish(self, workspace: Path) -> None:
        started = time.monotonic()
        assert self.start(workspace).wait() == 0
        self.seconds = time.monotonic() - started

    def kill(self, workspace: Path, after: float) -> bool:
        """Kill a run after some seconds; return False when it had ended by then."""
        process = self.start(workspace)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def survives(folder: Path, per_class: int, kills: int, providers: str = "all") -> None:
    chance = random.Random(SEED)
    with SmallWeb(per_class=per_class, paint=cheap) as web:
        harvests = Harvests(web, folder, providers)
        harvests.finish(folder / "whole")  # the first run paints; the second one is as long as those that are killed
        harvests.finish(folder / "again")
        whole = everything(folder / "whole")
        assert whole == everything(folder / "again")
        assert len(whole["contents"]) >= 1.5 * per_class
        done, workspace = 0, folder / "killed-0"
        while done < kills:
            if harvests.kill(workspace, chance.uniform(0.0, harvests.seconds)):
                done += 1
            else:  # it came to its end: that one is judged, and the next kills meet a fresh one
                assert everything(workspace) == whole
                workspace = folder / f"killed-{done}"
        harvests.finish(workspace)
        assert everything(workspace) == whole
        assert sum(1 for row in whole["candidates"] if ("status", "pending") in row) == 0


def test_a_harvest_killed_at_ten_moments_ends_as_one_that_was_not(tmp_path):
    survives(tmp_path, per_class=40, kills=10)


def test_a_harvest_of_500_photos_killed_at_50_moments_ends_as_one_that_was_not(tmp_path):
    survives(tmp_path, per_class=250, kills=50, providers="openverse,commons,inaturalist")
