"""The JSON of a request -> an act that may be written down. Whatever makes no sense is answered with a sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from fieldmark.artifacts.verdicts import KINDS, Verdict
from fieldmark.curate.board import Board
from fieldmark.errors import nearest
from fieldmark.imaging.crop import Crop

MAX_BYTES = 8 * 2**20
"""Of one request: a verdict takes about 80 bytes, so that is one act about 100,000 photos."""

MAX_WHY = 500

_NAME = re.compile(r"[0-9A-Za-z-]{8,64}")


@dataclass(frozen=True)
class Asked:
    """What a request asks for: an act by its name, its verdicts, and the last row that the page has read."""

    act: str
    verdicts: tuple[Verdict, ...]
    after: int


async def read_act(request: Request, board: Board, with_verdicts: bool = True) -> Asked:
    """Read a request of the page.

    Args:
        request: JSON, `{"act": name, "after": row, "verdicts": [{"photo": id, "kind": kind, "value": text}]}`.
        board: what can be decided about.
        with_verdicts: undo and redo have none.

    Raises:
        HTTPException: 413, 415 or 422, with a sentence.
    """
    asked = await _read_json(request)
    act, after = asked.get("act"), asked.get("after", 0)
    if not isinstance(act, str) or not _NAME.fullmatch(act):
        raise HTTPException(422, "An act needs a name of 8 to 64 letters, digits or dashes: act.")
    if not isinstance(after, int) or isinstance(after, bool):
        raise HTTPException(422, "`after` is the number of a row.")
    return Asked(act, _read_verdicts(asked.get("verdicts"), board) if with_verdicts else (), after)


async def _read_json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Send JSON, with Content-Type: application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"That is more than {MAX_BYTES // 2**20} MiB at once.")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(422, "That is not JSON.") from None
    if not isinstance(asked, dict):
        raise HTTPException(422, "That is JSON, but no object.")
    return asked


def _read_verdicts(given: Any, board: Board) -> tuple[Verdict, ...]:
    if not isinstance(given, list) or not given:
        raise HTTPException(422, "An act needs at least one verdict: verdicts.")
    known = board.ids
    return tuple(_read_verdict(entry, board, known) for entry in given)


def _read_verdict(entry: Any, board: Board, known: set[str]) -> Verdict:
    if not isinstance(entry, dict):
        raise HTTPException(422, "A verdict is an object with photo, kind and value.")
    photo, kind, value = entry.get("photo"), entry.get("kind"), entry.get("value", "")
    if not isinstance(photo, str) or photo not in known:
        raise HTTPException(422, f"There is no photo {_shown(photo)} in this folder.")
    if kind not in KINDS:
        raise HTTPException(422, f"There is no verdict {_shown(kind)}. There are: {', '.join(KINDS)}.")
    if not isinstance(value, str):
        raise HTTPException(422, "The value of a verdict is text.")
    return Verdict(photo, kind, _read_value(kind, value, board))


def _read_value(kind: str, value: str, board: Board) -> str:
    if kind == "label":
        if value not in board.classes:
            raise HTTPException(422, f"There is no class {_shown(value)}.{nearest(value, board.classes)}")
        return value
    if kind == "crop":
        return _read_crop(value) if value else ""
    if len(value) > MAX_WHY:
        raise HTTPException(422, f"A reason has at most {MAX_WHY} characters.")
    return value


def _read_crop(value: str) -> str:
    try:
        return str(Crop.parse(value))
    except ValueError:
        raise HTTPException(
            422, f"A crop is four numbers from 0 to 1, left, top, right, bottom; given was {_shown(value)}."
        ) from None


def _shown(value: Any) -> str:
    return repr(value)[:60]
