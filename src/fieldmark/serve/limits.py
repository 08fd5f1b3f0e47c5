"""How much one process of a server takes on before it says no."""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldmark.config import ServeSettings
from fieldmark.engines.local import available_processors

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What a stranger may ask of this machine."""

    upload_bytes: int = ServeSettings.max_mb * MIB  # of one picture, sent or fetched
    upload_pixels: int = ServeSettings.max_megapixels * 1_000_000
    form_bytes: int = 64 * 1024  # what a form may hold beside pictures, and all that /classify-url may be sent
    batch: int = ServeSettings.batch  # pictures in a request to /batch
    batch_bytes: int = 4 * ServeSettings.max_mb * MIB  # of all of them
    held_bytes: int = 16 * ServeSettings.max_mb * MIB  # of pictures that are arriving or wait, all requests together
    waiting: int = ServeSettings.queue  # pictures that wait for a thread
    threads: int = field(default_factory=available_processors)  # pictures looked at at the same time
    fetches: int = ServeSettings.fetches  # URLs in hand; few, since a hostile host can hold each for `fetch_seconds`
    upload_seconds: float = ServeSettings.upload_seconds  # for a whole request to arrive
    first_seconds: float = 10.0  # in which nothing need have arrived; from then on it must keep up with `trickle`
    trickle: int = 8 * 1024  # bytes a second, on average
    fetch_seconds: float = ServeSettings.fetch_seconds
    picture_seconds: float = ServeSettings.picture_seconds  # from a picture being there to its answer

    @classmethod
    def of(cls, settings: ServeSettings) -> Limits:
        """Return the limits that settings amount to."""
        largest = settings.max_mb * MIB
        return cls(
            upload_bytes=largest,
            upload_pixels=settings.max_megapixels * 1_000_000,
            batch=settings.batch,
            batch_bytes=4 * largest,
            held_bytes=16 * largest,
            waiting=settings.queue,
            threads=settings.threads or available_processors(),
            fetches=settings.fetches,
            upload_seconds=settings.upload_seconds,
            fetch_seconds=settings.fetch_seconds,
            picture_seconds=settings.picture_seconds,
        )
