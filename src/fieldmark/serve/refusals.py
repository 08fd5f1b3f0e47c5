"""What goes wrong -> a status, a sentence, and one of a closed list of reasons, by which refusals are counted."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from fieldmark.errors import BadURL, FetchFailed, NotAPhoto, RefusedAddress, TooManyPixels
from fieldmark.net.replies import as_json

REASONS: dict[str, tuple[int, str]] = {
    "damaged_form": (400, "a form that breaks off, or is none"),
    "not_a_picture": (400, "bytes that are no picture, or not a whole one"),
    "left": (400, "a client that left before its request was whole"),
    "malformed": (400, "bytes that are no HTTP"),
    "key": (401, "no key, or another one"),
    "no_such_path": (404, "a path that we do not know"),
    "method": (405, "a method that the path does not answer"),
    "slow_request": (408, "a request that took too long to arrive, or came in a trickle"),
    "too_large": (413, "more bytes than we take"),
    "too_many_pixels": (413, "more pixels than we decode"),
    "too_many_files": (413, "more pictures in one request than we take"),
    "no_file": (415, "an upload without a file"),
    "host": (421, "a host name that is not ours"),
    "no_url": (422, "no JSON, or none with a `url`"),
    "refused_url": (422, "a URL that we will not call"),
    "failed_url": (422, "a URL that gave nothing we can use"),
    "rate": (429, "more pictures than one address may ask about"),
    "fault": (500, "a mistake of ours"),
    "queue": (503, "as many pictures wait as may"),
    "memory": (503, "as many bytes are in hand as may be"),
    "fetches": (503, "as many URLs are being fetched as may be"),
    "slow_picture": (503, "a picture that took too long to look at"),
    "stopped": (503, "a request that was not finished when the server stopped"),
    "connections": (503, "a connection that had to make room for others, or found none"),
    "slow_head": (0, "a connection closed because no request came"),
    "slow_reader": (0, "a connection closed because the answer was not taken"),
}
"""Reason -> status and what it is about; 0 where there is no answer. The only values of the label `reason`."""

NOTE = "fieldmark.note"
"""Under which name a request carries what is to be written down about it; see `journal`."""

_RETRY_AFTER = {"queue": 2, "memory": 2, "fetches": 5, "slow_picture": 5, "stopped": 5}


class Refused(HTTPException):
    """A request that gets a sentence instead of an answer."""

    def __init__(self, reason: str, sentence: str, headers: dict[str, str] | None = None) -> None:
        """`reason` is one of `REASONS`, which decides the status."""
        retry = {"Retry-After": str(_RETRY_AFTER[reason])} if reason in _RETRY_AFTER else {}
        super().__init__(REASONS[reason][0], sentence, {**retry, **(headers or {})})
        self.reason = reason


def refused_for(error: Exception) -> Refused:
    """Say of a picture or a URL that failed what a stranger should hear. Raises what is neither."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, TooManyPixels):
        return Refused("too_many_pixels", f"The picture is too large: {error}. Send a smaller one.")
    if isinstance(error, NotAPhoto):
        return Refused("not_a_picture", f"That cannot be read as a picture: {error}.")
    if isinstance(error, RefusedAddress | BadURL):
        return Refused("refused_url", str(error))
    if isinstance(error, FetchFailed):
        return Refused("failed_url", str(error))
    raise error


def refuse(scope: Scope, refused: Refused) -> Response:
    """Answer with a refusal, and note its reason with the request."""
    note = scope.get(NOTE)
    told = {"error": refused.detail}
    if note is not None:
        note.reason = refused.reason
        told["request_id"] = note.id
    return as_json(told, refused.status_code, dict(refused.headers or {}))
