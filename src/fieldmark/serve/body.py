"""Request -> the bytes of pictures, or the URL of one; nothing is kept beyond the limits.

Bytes are counted as they come, so that neither a missing nor a lying Content-Length gets past a limit; and they must
keep coming, so that nobody can hold a place with a trickle.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from fieldmark.serve.limits import MIB, Limits
from fieldmark.serve.refusals import Refused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

HOW_TO_UPLOAD = "Send the picture as the field `file` of a form: curl -F file=@photo.jpg"
HOW_TO_ASK = 'Send JSON such as {"url": "https://example.org/snake.jpg"}.'

LONGEST_NAME = 100
"""Characters of a file's name that are given back."""

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it warns of each form that a stranger damaged

Take = Callable[[int], None]
"""Called with the number of bytes that have come; raises Refused where they are too many to hold."""


@dataclass(frozen=True)
class Asked:
    """What a request is about."""

    thumbnail: bool  # whether the answer should carry a small JPEG of what we saw
    picture: bytes = b""
    url: str = ""


@dataclass(frozen=True)
class File:
    """One file of a form."""

    name: str  # as the client calls it, cut to `LONGEST_NAME`; never used, only given back
    content: bytes
    too_large: bool = False  # then its content was not kept


async def read_upload(request: Request, limits: Limits, take: Take) -> Asked:
    """Read the picture from a multipart form.

    Raises:
        Refused: a damaged form, too slow, too large, no form or no file in it.
    """
    _refuse_promise(request, limits.upload_bytes + limits.form_bytes, "picture", limits.upload_bytes)
    # One file would do, but who sends several should hear how many.
    form = _Form(request, "file", most_files=_Form.MOST_PARTS, limits=limits)
    await _receive(request, limits, _Most("picture", limits.upload_bytes, limits.form_bytes), take, form.write)
    files = form.whole_files()
    if len(files) > 1:
        raise Refused("damaged_form", f"The form holds {len(files)} files. Send one, or several to POST /batch.")
    if files[0].too_large:
        raise _too_large("picture", limits.upload_bytes)
    return Asked(thumbnail="thumbnail" in form.names, picture=files[0].content)


async def read_batch(request: Request, limits: Limits, take: Take) -> list[File]:
    """Read the pictures from a multipart form in which the field `file` comes several times.

    Raises:
        Refused: a damaged form, too slow, too many files, too large together, no form or no file in it.
    """
    _refuse_promise(request, limits.batch_bytes + limits.form_bytes, "request", limits.batch_bytes)
    form = _Form(request, "file", most_files=limits.batch, limits=limits)
    await _receive(request, limits, _Most("request", limits.batch_bytes, limits.form_bytes), take, form.write)
    return form.whole_files()


async def read_url(request: Request, limits: Limits) -> Asked:
    """Read the URL from a JSON object.

    Raises:
        Refused: too slow, too large, not JSON, or without a URL.
    """
    _refuse_promise(request, limits.form_bytes, "request", limits.form_bytes)
    body = bytearray()
    await _receive(request, limits, _Most("request", limits.form_bytes, 0), _hold_all, body.extend)
    return _parse_url(bytes(body))


def _hold_all(count: int) -> None:
    """64 KiB are not worth counting."""


def _parse_url(body: bytes) -> Asked:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("no_url", f"The request is not JSON. {HOW_TO_ASK}") from None
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.strip():
        raise Refused("no_url", f"The request names no `url`. {HOW_TO_ASK}")
    return Asked(thumbnail=value.get("thumbnail") is True, url=url.strip())


@dataclass(frozen=True)
class _Most:
    what: str
    allowed: int  # bytes, as a refusal names them
    beside: int  # bytes that may come with it


async def _receive(request: Request, limits: Limits, most: _Most, take: Take, write: Callable[[bytes], object]) -> None:
    """Pass the body on as it comes. Raises Refused when it is too long or too slow, or breaks off."""
    loop, count = asyncio.get_running_loop(), 0
    started = loop.time()
    last = started + limits.upload_seconds
    try:
        async with asyncio.timeout_at(min(last, started + limits.first_seconds)) as timer:
            async for chunk in request.stream():
                count += len(chunk)
                if count > most.allowed + most.beside:
                    raise _too_large(most.what, most.allowed)
                take(len(chunk))
                write(chunk)
                timer.reschedule(min(last, started + limits.first_seconds + count / limits.trickle))
    except TimeoutError:
        if loop.time() >= last:
            sentence = f"The request took longer than {limits.upload_seconds:g} seconds. Send a smaller picture."
        else:
            sentence = f"The request came too slowly: under {_size(limits.trickle)} a second. Try again."
        raise Refused("slow_request", sentence) from None
    except FormParserError:
        raise Refused("damaged_form", f"The form is damaged. {HOW_TO_UPLOAD}") from None


class _Form:
    """The parts of a multipart form as they come: their names, and the bytes of those that are files.

    Files stay in memory, since the body is limited; what other fields hold is passed over.
    """

    MOST_PARTS = 16
    """Parts that may be there beside the files that may."""

    def __init__(self, request: Request, field: str, most_files: int, limits: Limits) -> None:
        """Prepare. Raises Refused when the request is no form, or has no boundary to tell the parts by."""
        self.names: list[str] = []
        self._field = field
        self._most_files = most_files
        self._most_bytes = limits.upload_bytes
        self._is_whole = False  # whether the closing boundary was seen
        self._files: list[tuple[bytes, bytearray]] = []  # file name, content
        self._taking = False
        self._header = self._value = self._disposition = b""
        self._parser = MultipartParser(_boundary(request), self._callbacks())

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header,
            "on_header_value": self._take_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take_data,
            "on_end": self._end,
        }

    def whole_files(self) -> list[File]:
        """Return the files, at least one. Raises Refused where the form is not whole or has none."""
        if not self._is_whole:
            raise Refused("damaged_form", "The upload stops before its end. Send it again.")
        # A browser that was given no file sends one without a name and without a byte.
        files = [self._file(name, content) for name, content in self._files if name or content]
        if not files:
            raise Refused("no_file", f"There is no file in this form. {HOW_TO_UPLOAD}")
        return files

    def _file(self, name: bytes, content: bytearray) -> File:
        shown = name.decode("utf-8", errors="replace")[:LONGEST_NAME]
        too_large = len(content) > self._most_bytes
        return File(shown, b"" if too_large else bytes(content), too_large)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises FormParserError when they are no form."""
        self._parser.write(chunk)

    def _begin(self) -> None:
        self._disposition = b""

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        if b"name" not in options or len(self.names) >= self.MOST_PARTS + self._most_files:
            raise FormParserError("a part without a name, or too many parts")
        self.names.append(options[b"name"].decode("latin-1"))
        # `filename*=` names a file too, though the parser passes it over.
        self._taking = self.names[-1] == self._field and b"filename" in self._disposition
        if self._taking:
            if len(self._files) >= self._most_files:
                raise Refused("too_many_files", f"More than {self._most_files} files. Send them in several requests.")
            self._files.append((options.get(b"filename", b"unnamed"), bytearray()))

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        # One byte too many is kept, and tells later that the file was too large.
        if self._taking and len(self._files[-1][1]) <= self._most_bytes:
            self._files[-1][1].extend(memoryview(data)[start:end])

    def _end(self) -> None:
        self._is_whole = True


def _boundary(request: Request) -> bytes:
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/form-data"):
        boundary = parse_options_header(kind)[1].get(b"boundary", b"")
        if boundary:
            return boundary
    raise Refused("no_file", f"There is no file in this request. {HOW_TO_UPLOAD}")


def _refuse_promise(request: Request, most: int, what: str, allowed: int) -> None:
    """Refuse at once what says itself that it is too large, before a byte of it is read."""
    promised = request.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > most:
        raise _too_large(what, allowed)


def _too_large(what: str, allowed: int) -> Refused:
    return Refused("too_large", f"The {what} is larger than {_size(allowed)}. Send a smaller one.")


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count / 1024:g} KiB"
