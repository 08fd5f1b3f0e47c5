"""The steps that exist, in order: what each reads and writes, and how one tells that it is to be done again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Signs:
    """What lies in a folder, as far as it says which step comes next.

    Attributes:
        folder: as the person gave it.
        harvested: whether it is a workspace.
        photos: how many there are.
        classes: how many of these have photos.
        unfinished: searches that did not end well, and candidates still to be fetched.
        sheet: whether the workspace keeps its query sheet, so that a harvest goes on without being told the source.
        run: path of the newest run; None when there is none.
        run_is_stale: whether that learned from other photos than lie there now.
    """

    folder: str
    harvested: bool
    photos: int
    classes: int
    unfinished: int
    sheet: bool
    run: Path | None
    run_is_stale: bool


@dataclass(frozen=True)
class Step:
    """One step of the pipeline.

    Attributes:
        name: the command.
        reads: what it takes from the disk.
        writes: what it leaves there.
        stale_when: what makes it one to be done again, in words.
        state: "done", "stale", "to do", "waits" for the step before it, "ready" where it can be done at any time and
            what it makes lies elsewhere, "not needed".
        commands: the command lines that do it; none where only a person knows what to give it.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    stale_when: str
    state: Callable[[Signs], str]
    commands: Callable[[Signs], list[str]]


def _harvest_state(signs: Signs) -> str:
    if not signs.harvested:
        return "not needed" if signs.photos else "to do"
    if signs.unfinished:
        return "stale"
    return "done" if signs.photos else "to do"


def _harvest_commands(signs: Signs) -> list[str]:
    folder = shlex.quote(signs.folder)
    if signs.photos and not signs.sheet:
        return []  # from a list or a folder, which only the person knows
    return [f"fieldmark harvest {folder}" if signs.sheet else f"fieldmark harvest QUERIES.csv -o {folder}"]


def _train_state(signs: Signs) -> str:
    if signs.classes < 2:
        return "waits"
    if signs.run is None:
        return "to do"
    return "stale" if signs.run_is_stale else "done"


def _of_run(signs: Signs) -> str:
    return "ready" if signs.run and not signs.run_is_stale else "waits"


STEPS: tuple[Step, ...] = (
    Step(
        name="harvest",
        reads=("a query sheet, lists of URLs or a folder", "the web"),
        writes=("catalog.db", "photos/<class>/<id>.jpg", "conflicts/", "originals/", "harvest.html"),
        stale_when="a search did not end well, or candidates are still to be fetched",
        state=_harvest_state,
        commands=_harvest_commands,
    ),
    Step(
        name="train",
        reads=("class folders", "a kept split"),
        writes=("a split", "runs/<id>/"),
        stale_when="the photos are others than those that the newest run found, by name and size",
        state=_train_state,
        commands=lambda signs: [f"fieldmark train {shlex.quote(signs.folder)}"],
    ),
    Step(
        name="evaluate",
        reads=("a run or a model file", "class folders"),
        writes=("a report, where it is told to",),
        stale_when="never: it answers anew each time",
        state=_of_run,
        commands=lambda signs: [],  # on photos it has not seen
    ),
    Step(
        name="export",
        reads=("a run", "its photos"),
        writes=("one model file",),
        stale_when="the run it came from is stale; the file may lie anywhere",
        state=_of_run,
        commands=lambda signs: [f"fieldmark export {shlex.quote(str(signs.run))} -o model.onnx"],
    ),
)


def next_commands(signs: Signs) -> list[str]:
    """Return the command lines to run next: of every step that is stale or to do, in order; else of the ready."""
    states = {step.name: step.state(signs) for step in STEPS}
    due = {"stale", "to do"} & set(states.values()) or {"ready"}
    return [line for step in STEPS if states[step.name] in due for line in step.commands(signs)]
