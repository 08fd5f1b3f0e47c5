"""How much one server takes on before it says no."""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldmark.engines.local import available_processors

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What a stranger may ask of this machine. At worst about `(uploads + fetches) * upload_bytes` are held at once."""

    upload_bytes: int = 16 * MIB  # of one picture, sent or fetched
    form_bytes: int = 64 * 1024  # what a form may hold beside the picture, and all that /classify-url may be sent
    uploads: int = 32  # uploads in hand: being read, waiting for a processor, or being answered
    fetches: int = 8  # URLs in hand; fewer, since a hostile host can hold each for `fetch_seconds`
    upload_seconds: float = 60.0  # for a whole upload: 16 MiB at 2 Mbit/s
    fetch_seconds: float = 10.0
    workers: int = field(default_factory=available_processors)  # pictures decoded and answered at the same time
