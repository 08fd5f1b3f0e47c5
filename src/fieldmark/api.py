"""The same steps from Python, one function each: `fm.harvest("snakes.csv")`, `fm.train("snakes/")`."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from fieldmark.artifacts import runs
from fieldmark.artifacts.modelfile import Model
from fieldmark.config import HarvestSettings, TrainSettings
from fieldmark.terminal import Voice, speaking

if TYPE_CHECKING:
    from fieldmark.pipeline.check import Checked
    from fieldmark.pipeline.clean import Cleaned
    from fieldmark.pipeline.harvest import Harvest
    from fieldmark.study.curve import LearningCurve
    from fieldmark.study.standing import Standing


class Run(runs.Run):
    """A whole run on disk.

    >>> run = fm.train("snakes/")                       # doctest: +SKIP
    >>> run.metrics()["error_rate"]                     # doctest: +SKIP
    0.0471
    >>> model = run.export("snakes.onnx")               # doctest: +SKIP
    """

    def report(self) -> Path:
        """Return the path of the run's report."""
        return self.path / runs.REPORT

    def export(
        self,
        out: str | os.PathLike[str],
        photos: str | os.PathLike[str] | None = None,
        cost: Mapping[str, float] | None = None,
        precision: str = "float32",
        max_drop: float = 0.5,
    ) -> Model:
        """Write the run as one model file and open it; see `fieldmark.pipeline.export.export`."""
        from fieldmark.pipeline.export import export

        prices = tuple(f"{mistake}={price}" for mistake, price in (cost or {}).items())
        return Model(export(self, out, photos, prices, precision, max_drop).path)

    def _repr_html_(self) -> str:
        metrics = self.metrics()
        low, high = metrics["accuracy_ci95"]
        n = metrics.get("judgements", metrics["n_valid"])
        what = "photos" if n == metrics["n_valid"] else "answers"
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{figures['right']} of {figures['n']}</td></tr>"
            for name, figures in metrics["per_class"].items()
        )
        return (
            f"<p><b>{n - metrics['wrong']} of {n} {what} right</b>, "
            f"{metrics['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}); "
            f"<a href='{self.report().as_uri()}'>report</a></p><table>{rows}</table>"
        )


def harvest(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    out: str | os.PathLike[str] | None = None,
    verbose: bool = True,
    **settings: Any,
) -> Harvest:
    """Search, fetch, and keep what is a photo, with its origin.

    Args:
        sources: query sheets, lists of URLs, folders of photos, or a workspace; one, or several.
        out: the workspace; by default a folder here, called after the source.
        verbose: print what happens, and the yield of each query.
        settings: any of `fieldmark.config.HarvestSettings`, such as `max=300` or `provider="openverse,commons"`.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do. Nothing was made then.
    """
    from fieldmark.pipeline.harvest import harvest

    several = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        return harvest([os.fspath(source) for source in several], HarvestSettings.of(settings), out)


def check(folder: str | os.PathLike[str], *, verbose: bool = True) -> Checked:
    """Look for what is wrong with the photos of a folder, as the verdicts leave them. Nothing is moved.

    Args:
        folder: a workspace, or class folders.
        verbose: print what happens.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do.
    """
    from fieldmark.pipeline.check import check

    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        return check(folder)


@overload
def clean(
    folder: str | os.PathLike[str], *, auto: Literal[False] = False, port: int | None = None, verbose: bool = True
) -> None: ...


@overload
def clean(folder: str | os.PathLike[str], *, auto: Literal[True], verbose: bool = True) -> Cleaned: ...


def clean(
    folder: str | os.PathLike[str], *, auto: bool = False, port: int | None = None, verbose: bool = True
) -> Cleaned | None:
    """Decide on doubtful photos in a page of this computer, which is there until Ctrl-C or a notebook's stop button.

    Args:
        folder: a workspace, or class folders; its pixels are looked at first where it was never checked.
        auto: no page: take the safe decisions alone, and return them.
        port: of the page; by default 8010, or any that is free.
        verbose: print where the page is, and what happens.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do.
    """
    from fieldmark.curate.server import serve
    from fieldmark.pipeline.clean import clean_auto, prepare

    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        if auto:
            return clean_auto(folder)
        serve(prepare(folder), port)
        return None


def train(
    folder: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    far: str | os.PathLike[str] | None = None,
    near: str | os.PathLike[str] | None = None,
    verbose: bool = True,
    **settings: Any,
) -> Run:
    """Learn to tell the classes of a folder apart.

    Args:
        folder: class folders, as `fieldmark train` takes them.
        out: the run's folder; by default `.fieldmark/runs/<id>/` in the photo folder.
        far: a folder of photos of anything but the classes, to count how many the model takes for one of them.
        near: a folder of photos that are like the classes and belong to none, to be counted apart.
        verbose: print a row per epoch.
        settings: any of `fieldmark.config.TrainSettings`, such as `epochs=(4, 4)` or `seed=42`.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do.
    """
    from fieldmark.pipeline.train import train

    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        return Run(train(folder, TrainSettings.of(settings), out, far, near).path)


def curve(folder: str | os.PathLike[str], *, seed: int = 0, verbose: bool = True) -> LearningCurve:
    """Tell whether more photos would help, how many and of which class.

    Args:
        folder: a workspace, or class folders; 40 different photos at least.
        seed: of what is drawn.
        verbose: print what happens.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do.
    """
    from fieldmark.study.curve import curve

    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        return curve(folder, seed)


def compare(
    *which: str | os.PathLike[str] | runs.Run, vary: str | None = None, verbose: bool = True, **settings: Any
) -> Standing:
    """Tell which of several recipes is better, or that one cannot tell.

    >>> fm.compare("snakes/", vary="fit=squish,pad-white").pairs[0].verdict     # doctest: +SKIP

    Args:
        which: a folder whose photos are learned anew by each recipe; or two runs or more, by what they said of the
            same photos.
        vary: for a folder: the setting that varies and its values.
        verbose: print what happens.
        settings: for a folder: any of `fieldmark.config.TrainSettings` that all recipes share.

    Raises:
        FieldmarkError: something given cannot be used; the message says what, and what to do.
    """
    from fieldmark.study.compare import compare_given

    words = [one.path if isinstance(one, runs.Run) else one for one in which]
    with speaking(Voice.STDOUT if verbose else Voice.SILENT):
        return compare_given(words, vary, TrainSettings.of(settings))
