"""`fieldmark predict`, `serve`: a model file answers."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import add_settings, command, print_json, settings_given
from fieldmark.config import ServeSettings
from fieldmark.errors import NotAPhoto, WrongUsage
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.artifacts.modelfile import ModelInfo


def add_predict(commands: Any) -> None:
    """Add `fieldmark predict`."""
    parser = command(commands, "predict", "name what is in pictures", _predict)
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
        decision = ["decision"] if model.info.costs else []
        table.writerow(["image", "prediction", "unknown", *decision, *(f"p:{name}" for name in model.classes), "error"])
    for image, answer in predict(model, given.images):
        failed += isinstance(answer, NotAPhoto)
        if given.csv:
            table.writerow(_csv_row(image, answer, model.info))
        elif isinstance(answer, NotAPhoto):
            answers.append({"image": image, "error": str(answer)})
            print(f"{image}: {answer}", file=sys.stderr)
        else:
            answers.append({"image": image, **answer.to_dict()})
            shown = ", ".join(f"{name} {p:.1%}" for name, p in answer.predictions[:3])
            say(f"{image}: " + (f"probably none of these; if one, {shown}" if answer.unknown else shown))
            if answer.advice:
                say(f"  {answer.advice}")
    if given.json:
        print_json(answers)
    return 1 if failed else 0


def _csv_row(image: str, answer: Any, info: ModelInfo) -> list[str]:
    if isinstance(answer, NotAPhoto):
        return [image, "", "", *([""] if info.costs else []), *("" for _ in info.classes), str(answer)]
    chances = dict(answer.predictions)
    told = [image, answer.label, str(int(answer.unknown)), *([answer.decision] if answer.decision else [])]
    return [*told, *(f"{chances[name]:.6f}" for name in info.classes), ""]


def add_serve(commands: Any) -> None:
    """Add `fieldmark serve`."""
    parser = command(commands, "serve", "answer over HTTP, with a page to drop a photo on", _serve)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--port", help="port to listen on ($PORT, else 8009; 0 takes a free one)")
    add_settings(parser, ServeSettings)


def _serve(given: argparse.Namespace) -> int:
    port, settings = _port(given.port), settings_given(ServeSettings, given)

    from fieldmark.serve.server import serve

    serve(given.model, given.host, port, settings)
    return 0


def _port(flag: str | None) -> int:
    source, text = ("--port", flag) if flag is not None else ("$PORT", os.environ.get("PORT") or "8009")
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise WrongUsage(f"{source} {text!r} is no port: give a number from 0 to 65535.")
    return int(text)
