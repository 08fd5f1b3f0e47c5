"""A picture -> the model's answer, on another thread, with as many at a time as there are processors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException

from fieldmark.artifacts.modelfile import Model, ModelInfo
from fieldmark.imaging.decode import decode
from fieldmark.imaging.thumbnail import data_uri, thumbnail

THUMBNAIL = 640
"""Longer side, in pixels, of the picture sent back to whom cannot show it otherwise."""


class Answers:
    """The one model of a server, and who may use it when."""

    def __init__(self, model: Model, workers: int) -> None:
        self._model = model
        self._workers = anyio.CapacityLimiter(workers)

    async def about(self, picture: bytes, with_thumbnail: bool) -> dict[str, Any]:
        """Answer about the bytes of one picture, as the server's contract has it.

        Raises:
            NotAPhoto: the bytes do not decode to a whole picture; TooManyPixels when it is too large to.
        """
        return await anyio.to_thread.run_sync(self._answer, picture, with_thumbnail, limiter=self._workers)

    def _answer(self, picture: bytes, with_thumbnail: bool) -> dict[str, Any]:
        pixels = decode(picture)
        reply = self._model.predict(pixels).to_dict()
        reply["threshold"] = self._model.info.threshold
        reply["model"] = describe_model(self._model.info)
        if with_thumbnail:
            reply["thumbnail"] = data_uri(thumbnail(pixels, THUMBNAIL))
        return reply


def describe_model(info: ModelInfo) -> dict[str, Any]:
    """Return what every reply says of the model that gave it."""
    return {
        "classes": list(info.classes),
        "backbone": info.backbone,
        "version": info.version,
        "schema": info.schema,
    }


class Gate:
    """Lets so many requests in at a time and sends the next one away, to come back when told."""

    def __init__(self, most: int, retry_after: int) -> None:
        self.most = most
        self.inside = 0
        self._retry_after = retry_after  # seconds

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place inside. Raises HTTPException 503 with Retry-After when there is none."""
        if self.inside >= self.most:
            raise HTTPException(
                503,
                f"The server is busy with {self.inside} other requests. Try again in a few seconds.",
                headers={"Retry-After": str(self._retry_after)},
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
