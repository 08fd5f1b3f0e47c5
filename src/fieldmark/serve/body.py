"""Request -> the bytes of a picture, or the URL of one; nothing is kept beyond the limits.

Bytes are counted as they come, so that neither a missing nor a lying Content-Length gets past a limit.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from fieldmark.serve.limits import MIB, Limits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

HOW_TO_UPLOAD = "Send the picture as the field `file` of a form: curl -F file=@photo.jpg"
HOW_TO_ASK = 'Send JSON such as {"url": "https://example.org/snake.jpg"}.'


@dataclass(frozen=True)
class Asked:
    """What a request is about."""

    thumbnail: bool  # whether the answer should carry a small JPEG of what we saw
    picture: bytes = b""
    url: str = ""


async def read_upload(request: Request, limits: Limits) -> Asked:
    """Read the picture from a multipart form.

    Raises:
        HTTPException: 400 a damaged form, 408 too slow, 413 too large, 415 no form or no file in it.
    """
    kind = request.headers.get("content-type", "").lower()
    if not kind.startswith("multipart/form-data") or "boundary=" not in kind:
        raise HTTPException(415, f"There is no file in this request. {HOW_TO_UPLOAD}")
    _refuse_promise(request, limits.upload_bytes + limits.form_bytes, "picture", limits.upload_bytes)
    try:
        with anyio.fail_after(limits.upload_seconds):
            return await _read_form(request, limits)
    except TimeoutError:
        raise HTTPException(
            408, f"The upload took longer than {limits.upload_seconds:g} seconds. Send a smaller picture."
        ) from None


async def read_url(request: Request, limits: Limits) -> Asked:
    """Read the URL from a JSON object.

    Raises:
        HTTPException: 408 too slow, 413 too large, 422 not JSON, or without a URL.
    """
    _refuse_promise(request, limits.form_bytes, "request", limits.form_bytes)
    body = bytearray()
    try:
        with anyio.fail_after(limits.fetch_seconds):
            async for chunk in _counted(request, limits.form_bytes, "request", limits.form_bytes):
                body += chunk
    except TimeoutError:
        raise HTTPException(408, f"The request took longer than {limits.fetch_seconds:g} seconds to arrive.") from None
    return _parse_url(bytes(body))


def _parse_url(body: bytes) -> Asked:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(422, f"The request is not JSON. {HOW_TO_ASK}") from None
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.strip():
        raise HTTPException(422, f"The request names no `url`. {HOW_TO_ASK}")
    return Asked(thumbnail=value.get("thumbnail") is True, url=url.strip())


async def _read_form(request: Request, limits: Limits) -> Asked:
    form = _Form(request.headers["content-type"])
    most = limits.upload_bytes + limits.form_bytes
    try:
        async with aclosing(_counted(request, most, "picture", limits.upload_bytes)) as chunks:
            async for chunk in chunks:
                form.write(chunk)
    except FormParserError:
        raise HTTPException(400, f"The form is damaged. {HOW_TO_UPLOAD}") from None
    if not form.whole:
        raise HTTPException(400, "The upload stops before its end. Send it again.")
    if not form.files:
        raise HTTPException(415, f"There is no file in this form. {HOW_TO_UPLOAD}")
    if len(form.files) > 1:
        raise HTTPException(400, f"The form holds {len(form.files)} files. Send one picture a request.")
    if len(form.files[0]) > limits.upload_bytes:
        raise _too_large("picture", limits.upload_bytes)
    return Asked(thumbnail="thumbnail" in form.names, picture=bytes(form.files[0]))


class _Form:
    """The parts of a multipart form as they come: their names, and the bytes of those that are the file `file`.

    Files stay in memory, since the body is limited; what other fields hold is passed over. File names are read only to
    see that there is a file.
    """

    MOST_PARTS = 16

    def __init__(self, content_type: str) -> None:
        """Raises FormParserError when there is no boundary to tell the parts by."""
        self.names: list[str] = []
        self.whole = False  # whether the closing boundary was seen
        self._files: list[tuple[bytes, bytearray]] = []  # file name, content
        self._taking = False
        self._header = self._value = self._disposition = b""
        _, options = parse_options_header(content_type)
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header,
            "on_header_value": self._take_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take_data,
            "on_end": self._end,
        }
        self._parser = MultipartParser(options.get(b"boundary", b""), callbacks)

    @property
    def files(self) -> list[bytearray]:
        # A browser that was given no file sends one without a name and without a byte.
        return [content for name, content in self._files if name or content]

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
        if b"name" not in options or len(self.names) >= self.MOST_PARTS:
            raise FormParserError("a part without a name, or too many parts")
        self.names.append(options[b"name"].decode("latin-1"))
        # `filename*=` names a file too, though the parser passes it over.
        self._taking = self.names[-1] == "file" and b"filename" in self._disposition
        if self._taking:
            self._files.append((options.get(b"filename", b"unnamed"), bytearray()))

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self._files[-1][1].extend(memoryview(data)[start:end])

    def _end(self) -> None:
        self.whole = True


async def _counted(request: Request, most: int, what: str, allowed: int) -> AsyncGenerator[bytes, None]:
    count = 0
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            count += len(chunk)
            if count > most:
                raise _too_large(what, allowed)
            yield chunk


def _refuse_promise(request: Request, most: int, what: str, allowed: int) -> None:
    """Refuse at once what says itself that it is too large, before a byte of it is read."""
    promised = request.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > most:
        raise _too_large(what, allowed)


def _too_large(what: str, allowed: int) -> HTTPException:
    size = f"{allowed // MIB} MiB" if allowed >= MIB else f"{allowed // 1024} KiB"
    return HTTPException(413, f"The {what} is larger than {size}. Send a smaller one.")
