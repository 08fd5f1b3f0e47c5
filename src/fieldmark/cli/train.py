"""`fieldmark train`, `evaluate`, `export`: from photos to a model file."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import add_settings, command, print_json, settings_given
from fieldmark.config import TrainSettings
from fieldmark.errors import WrongUsage
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.pipeline.reproduce import Repeated


def add_train(commands: Any) -> None:
    """Add `fieldmark train`."""
    parser = command(commands, "train", "learn to tell the classes of a folder of class folders apart", _train)
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        help="a workspace, or DIR/coral/*.jpg, DIR/king/*.jpg, also below train/ and valid/",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="RUN",
        help="folder of the run (DIR/runs/<id> of a workspace, DIR/.fieldmark/runs/<id> of a plain folder)",
    )
    parser.add_argument(
        "--from",
        dest="again",
        metavar="RUN",
        help="train as this run was trained and say what agrees; DIR is where its photos lie now, if they have moved",
    )
    _add_probes(parser)
    add_settings(parser, TrainSettings)


def _add_probes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--far", metavar="DIR", help="photos of anything else, at any depth: how many are refused?")
    parser.add_argument("--near", metavar="DIR", help="photos like the classes but of none, counted apart")


def _train(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.train import train

    if given.again is not None:
        return _train_again(given)
    if given.folder is None:
        raise WrongUsage("Name the folder to learn from: fieldmark train DIR. To repeat a run: --from RUN")
    run = train(given.folder, settings_given(TrainSettings, given), given.out, given.far, given.near)
    metrics = run.metrics()
    _say_result(metrics)
    say(f"run:    {run.path}")
    say(f"report: {run.path / 'report.html'}")
    say(f"next:   fieldmark export {run.id} -o model.onnx")
    if given.json:
        print_json({**metrics, "run": str(run.path)})
    return 0


def _train_again(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.reproduce import reproduce

    named = ["far", "near", *(field.name for field in dataclasses.fields(TrainSettings))]
    others = ["--" + name.replace("_", "-") for name in named if getattr(given, name) is not None]
    if others:
        raise WrongUsage(f"--from takes the settings of the run, so {', '.join(others)} cannot be given beside it.")
    done = reproduce(given.again, given.folder, given.out)
    metrics = done.run.metrics()
    _say_result(metrics)
    _say_repeated(done)
    say(f"run:    {done.run.path}")
    if given.json:
        print_json({**metrics, "run": str(done.run.path), "repeated": done.to_dict()})
    return 0


def _say_repeated(done: Repeated) -> None:
    words = {True: "agrees", False: "differs", None: "not told"}
    rows = [*done.inputs, *done.figures]
    width = max(len(row.then) for row in rows)
    say(f"{'':<13} {'then':<{width}}  now")
    for row in rows:
        say(f"{row.what:<13} {row.then:<{width}}  {row.now}  {words[row.agree]}. {row.means}".rstrip())
    say(done.verdict)


def _say_result(metrics: dict[str, Any]) -> None:
    from fieldmark.evaluate.calibration import sum_up
    from fieldmark.evaluate.unknown import sentences
    from fieldmark.evaluate.wording import baselines, how_judged, regraded

    n = metrics["judgements"]
    low, high = metrics["accuracy_ci95"]
    what = "photos" if n == metrics["n_valid"] else "answers"
    say(
        f"{n - metrics['wrong']} of {n} {what} right: {metrics['accuracy']:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%})."
    )
    if judged := how_judged(metrics):
        say(judged)
    if metrics.get("baselines"):
        say(baselines(metrics))
    if metrics.get("weighted_loss"):
        say(f"Balanced accuracy, every class counted alike: {metrics['balanced_accuracy']:.1%}.")
    if metrics.get("chosen_on_judged"):
        kept = metrics["kept"]
        say(f"Kept epoch {kept['epoch']} of stage {kept['stage']}, chosen by its loss on these same {n} photos.")
        if metrics["overfit"]:
            say(metrics["overfit"])
    if changes := regraded(metrics):
        say(changes)
    if metrics.get("opened"):
        say(metrics["opened"]["text"])
    if metrics.get("calibration"):
        say(sum_up(metrics["calibration"]))
    for sentence in (*(metrics.get("costs") or {}).get("sentences", ()), *sentences(metrics)):
        say(sentence)


def add_evaluate(commands: Any) -> None:
    """Add `fieldmark evaluate`."""
    parser = command(commands, "evaluate", "judge a model on labelled photos it has not seen", _evaluate)
    parser.add_argument("model", metavar="RUN|MODEL", help="id or path of a run, or a model file")
    parser.add_argument("folder", metavar="DIR", help="class folders, named as the model's classes")
    parser.add_argument("--test", action="store_true", help="judge on what is sealed, which is written down")
    parser.add_argument("--report", metavar="FILE", help="write a report there too")
    _add_probes(parser)


def _evaluate(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.evaluate import evaluate

    result = evaluate(given.model, given.folder, given.test, given.report, given.far, given.near)
    _say_result(result.metrics)
    for name, figures in result.metrics["per_class"].items():
        if figures["n"]:
            low, high = figures["recall_ci95"]
            say(f"  {name}: {figures['right']} of {figures['n']} found ({low:.1%} to {high:.1%})")
    if given.report:
        say(f"report: {given.report}")
    if given.json:
        print_json(result.metrics)
    return 0


def add_export(commands: Any) -> None:
    """Add `fieldmark export`."""
    parser = command(commands, "export", "write a run as one model file that needs no torch", _export)
    parser.add_argument("reference", metavar="RUN", help="id or path of a run")
    parser.add_argument("-o", "--out", metavar="FILE", default="model.onnx", help="the file to write (model.onnx)")
    parser.add_argument("--photos", metavar="DIR", help="where the run's photos lie now, if they have moved")
    parser.add_argument(
        "--cost",
        metavar="coral->king=N",
        action="append",
        default=[],
        help="what a mistake costs, as for `train`, in place of what the run was told; may be given several times",
    )
    _add_precision(parser)


def _add_precision(parser: argparse.ArgumentParser) -> None:
    smaller = parser.add_mutually_exclusive_group()
    smaller.add_argument(
        "--int8", dest="precision", action="store_const", const="int8", help="answer in 8 bits: smaller, often faster"
    )
    smaller.add_argument(
        "--int8-weights",
        dest="precision",
        action="store_const",
        const="int8-weights",
        help="store in 8 bits, answer in float32: as small, and loses less",
    )
    smaller.add_argument(
        "--fp16",
        dest="precision",
        action="store_const",
        const="float16",
        help="store in 16 bits, answer in float32: half the size, the same answers",
    )
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=float,
        help="points of accuracy that 8 bits may lose, rounded up to a whole photo (0.5)",
    )


def _export(given: argparse.Namespace) -> int:
    from fieldmark.artifacts.runs import Run
    from fieldmark.evaluate.drop import MAX_DROP
    from fieldmark.pipeline.export import export

    precision = given.precision or "float32"
    if given.max_drop is not None and not precision.startswith("int8"):
        raise WrongUsage("--max-drop is what 8 bits may lose, so it goes with --int8 or --int8-weights.")
    drop = MAX_DROP if given.max_drop is None else given.max_drop
    done = export(Run.open(given.reference), given.out, given.photos, given.cost, precision, drop)
    in_what = "In float32 it" if done.shrunk else "It"
    say(
        f"Wrote {done.path} ({done.n_bytes / 1e6:.1f} MB). {in_what} answers {done.proof.photos} photos as the network "
        f"does; probabilities differ by {done.proof.largest_difference:.1g} at most."
    )
    for sentence in done.shrunk.sentences() if done.shrunk else ():
        say(sentence)
    if done.sealed:
        say(f"It was kept from {done.sealed} sealed photos: fieldmark evaluate {given.out} DIR --test")
    say(f"next:   fieldmark serve {given.out}")
    if given.json:
        proof = dataclasses.asdict(done.proof)
        told = {"model": str(done.path), "bytes": done.n_bytes, "proof": proof, "sealed": done.sealed}
        print_json({**told, "precision": done.precision, **(done.shrunk.to_dict() if done.shrunk else {})})
    return 0
