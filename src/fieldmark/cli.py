"""The commands: parse the line, call the pipeline, print what came of it."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from fieldmark.config import TrainSettings
from fieldmark.errors import FieldmarkError, NotAPhoto, WrongUsage, explain_os_error
from fieldmark.terminal import Voice, say, speaking
from fieldmark.version import __version__

STOPPED = 130  # what a shell expects of a command that Ctrl-C ended: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a failure it explains, 2 wrong usage."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    if not hasattr(given, "run"):
        parser.print_help()
        return 0
    try:
        with speaking(Voice.STDERR if given.json else Voice.STDOUT):
            code: int = given.run(given)
            sys.stdout.flush()
            return code
    except FieldmarkError as error:
        return _fail(str(error), error.exit_code, given)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain of it while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(explain_os_error(error), FieldmarkError.exit_code, given)
    except KeyboardInterrupt:
        return _fail("Stopped. Nothing half-made was left behind.", STOPPED, given)


def _fail(sentence: str, code: int, given: argparse.Namespace) -> int:
    print(f"fieldmark {given.command}: {sentence}", file=sys.stderr)
    if given.json:
        _print_json({"error": sentence})
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command; the docs are made from it too."""
    parser = argparse.ArgumentParser(
        prog="fieldmark",
        description="From a folder of photos to an image classifier you can trust and put online.",
        epilog="Begin with `fieldmark demo`. Exit codes: 0 done, 1 a failure it explains, 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fieldmark {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    _add_train(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_predict(commands)
    _add_serve(commands)
    _add_demo(commands)
    return parser


def _command(commands: Any, name: str, help: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help[0].upper() + help[1:] + ".", allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, all else on stderr")
    parser.set_defaults(run=run)
    return parser


# ---------------------------------------------------------------------------------------------------------------- train


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", "learn to tell the classes of a folder of class folders apart", _train)
    parser.add_argument("folder", metavar="DIR", help="DIR/coral/*.jpg, DIR/king/*.jpg, also below train/ and valid/")
    parser.add_argument("-o", "--out", metavar="RUN", help="folder of the run (DIR/.fieldmark/runs/<id>)")
    for field in dataclasses.fields(TrainSettings):
        default = "" if field.default is None else f" ({_shown(field.default)})"
        choices = "|".join(field.metadata["choices"])
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            metavar=choices or field.metadata["metavar"],
            help=field.metadata["help"].replace("%", "%%") + default,
        )


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _train(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.train import train

    settings = TrainSettings.of({field.name: getattr(given, field.name) for field in dataclasses.fields(TrainSettings)})
    run = train(given.folder, settings, given.out)
    metrics = run.metrics()
    _say_result(metrics)
    say(f"run:    {run.path}")
    say(f"report: {run.path / 'report.html'}")
    say(f"next:   fieldmark export {run.id} -o model.onnx")
    if given.json:
        _print_json({**metrics, "run": str(run.path)})
    return 0


def _say_result(metrics: dict[str, Any]) -> None:
    right, n = metrics["n_valid"] - metrics["wrong"], metrics["n_valid"]
    low, high = metrics["accuracy_ci95"]
    say(f"{right} of {n} photos right: {metrics['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}).")
    if metrics.get("weighted_loss"):
        say(f"Balanced accuracy, every class counted alike: {metrics['balanced_accuracy']:.1%}.")
    if metrics["kept"]:
        kept = metrics["kept"]
        say(f"Kept epoch {kept['epoch']} of stage {kept['stage']}, chosen by its loss on these same {n} photos.")
        if metrics["overfit"]:
            say(metrics["overfit"])


# ------------------------------------------------------------------------------------------------------------- evaluate


def _add_evaluate(commands: Any) -> None:
    parser = _command(commands, "evaluate", "judge a model on labelled photos it has not seen", _evaluate)
    parser.add_argument("model", metavar="RUN|MODEL", help="id or path of a run, or a model file")
    parser.add_argument("folder", metavar="DIR", help="class folders, named as the model's classes")
    parser.add_argument("--test", action="store_true", help="judge on DIR/test, which is sealed otherwise")
    parser.add_argument("--report", metavar="FILE", help="write a report there too")


def _evaluate(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.evaluate import evaluate

    result = evaluate(given.model, given.folder, given.test, given.report)
    _say_result(result.metrics)
    for name, figures in result.metrics["per_class"].items():
        if figures["n"]:
            low, high = figures["recall_ci95"]
            say(f"  {name}: {figures['right']} of {figures['n']} found ({low:.1%} to {high:.1%})")
    if given.report:
        say(f"report: {given.report}")
    if given.json:
        _print_json(result.metrics)
    return 0


# --------------------------------------------------------------------------------------------------------------- export


def _add_export(commands: Any) -> None:
    parser = _command(commands, "export", "write a run as one model file that needs no torch", _export)
    parser.add_argument("reference", metavar="RUN", help="id or path of a run")
    parser.add_argument("-o", "--out", metavar="FILE", default="model.onnx", help="the file to write (model.onnx)")
    parser.add_argument("--photos", metavar="DIR", help="where the run's photos lie now, if they have moved")


def _export(given: argparse.Namespace) -> int:
    from fieldmark.artifacts.runs import Run
    from fieldmark.pipeline.export import export

    done = export(Run.open(given.reference), given.out, given.photos)
    say(
        f"Wrote {done.path} ({done.n_bytes / 1e6:.1f} MB). It answers {done.proof.photos} photos as the network does; "
        f"probabilities differ by {done.proof.largest_difference:.1g} at most."
    )
    say(f"next:   fieldmark serve {given.out}")
    if given.json:
        _print_json({"model": str(done.path), "bytes": done.n_bytes, "proof": dataclasses.asdict(done.proof)})
    return 0


# -------------------------------------------------------------------------------------------------------------- predict


def _add_predict(commands: Any) -> None:
    parser = _command(commands, "predict", "name what is in pictures", _predict)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="files, folders or patterns such as 'photos/*.jpg'")
    parser.add_argument(
        "--csv", action="store_true", help="print a table: image, prediction, unknown, a column per class"
    )


def _predict(given: argparse.Namespace) -> int:
    from fieldmark.artifacts.modelfile import Model
    from fieldmark.pipeline.predict import predict

    if given.csv and given.json:
        raise WrongUsage("Give --csv or --json, not both.")
    model = Model(given.model, threads=1)
    answers, failed = [], 0
    table = csv.writer(sys.stdout, lineterminator="\n")
    if given.csv:
        table.writerow(["image", "prediction", "unknown", *(f"p:{name}" for name in model.classes), "error"])
    for image, answer in predict(model, given.images):
        failed += isinstance(answer, NotAPhoto)
        if given.csv:
            table.writerow(_csv_row(image, answer, model.classes))
        elif isinstance(answer, NotAPhoto):
            answers.append({"image": image, "error": str(answer)})
            print(f"{image}: {answer}", file=sys.stderr)
        else:
            answers.append({"image": image, **answer.to_dict()})
            shown = ", ".join(f"{name} {p:.1%}" for name, p in answer.predictions[:3])
            say(f"{image}: {shown}" + (" (none of these?)" if answer.unknown else ""))
    if given.json:
        _print_json(answers)
    return 1 if failed else 0


def _csv_row(image: str, answer: Any, classes: Sequence[str]) -> list[str]:
    if isinstance(answer, NotAPhoto):
        return [image, "", "", *("" for _ in classes), str(answer)]
    chances = dict(answer.predictions)
    return [image, answer.label, str(int(answer.unknown)), *(f"{chances[name]:.6f}" for name in classes), ""]


# ---------------------------------------------------------------------------------------------------------------- serve


def _add_serve(commands: Any) -> None:
    parser = _command(commands, "serve", "answer over HTTP, with a page to drop a photo on", _serve)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--port", help="port to listen on ($PORT, else 8009; 0 takes a free one)")


def _serve(given: argparse.Namespace) -> int:
    from fieldmark.serve.server import serve

    serve(given.model, given.host, _port(given.port))
    return 0


def _port(flag: str | None) -> int:
    source, text = ("--port", flag) if flag is not None else ("$PORT", os.environ.get("PORT") or "8009")
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise WrongUsage(f"{source} {text!r} is no port: give a number from 0 to 65535.")
    return int(text)


# ----------------------------------------------------------------------------------------------------------------- demo


def _add_demo(commands: Any) -> None:
    parser = _command(commands, "demo", "paint snakes, learn them, export and serve: all of it, with no network", _demo)
    parser.add_argument("-o", "--out", metavar="DIR", default="fieldmark-demo", help="where to put it (fieldmark-demo)")


def _demo(given: argparse.Namespace) -> int:
    from fieldmark.demo.tour import tour

    facts = tour(given.out)
    if given.json:
        _print_json(facts)
    return 0


def _print_json(value: Any) -> None:
    with suppress(BrokenPipeError):
        print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
