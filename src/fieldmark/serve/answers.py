"""A picture -> the model's answer, on one of a few threads. What may wait for one is limited, in number and bytes.

Pictures above `LARGE_PHOTO` are looked at one at a time, since one of 64 million pixels takes more than a GiB while it
is decoded and fitted, and what they took is given back to the system.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fieldmark.artifacts.modelfile import LARGE_PHOTO, Model
from fieldmark.engines.memory import give_back_memory
from fieldmark.errors import TooManyPixels
from fieldmark.imaging.decode import Pixels, decode
from fieldmark.imaging.thumbnail import data_uri, thumbnail
from fieldmark.serve.limits import MIB, Limits
from fieldmark.serve.refusals import Refused
from fieldmark.serve.tally import Tally

THUMBNAIL = 640
"""Longer side, in pixels, of the picture sent back to whom cannot show it otherwise."""


@dataclass(eq=False)
class _Job:
    """A picture on its way through a thread."""

    given: float  # when, as `time.monotonic` has it
    begun: float | None = None


class Answers:
    """The one model of a process, and who may use it when."""

    def __init__(self, model: Model, limits: Limits, tally: Tally) -> None:
        self._model = model
        self.for_one: Model | None = None
        """The same model, opened to give all its threads to a picture beside which there is no other."""
        self._about_model = model.info.about(model.digest)
        self._places = {name: n for n, name in enumerate(model.info.classes)}
        self._limits = limits
        self._tally = tally
        self._threads = ThreadPoolExecutor(limits.threads, "fieldmark-look")
        self._thread_for_large = ThreadPoolExecutor(1, "fieldmark-look-large")
        self._jobs: set[_Job] = set()

    @property
    def waiting(self) -> int:
        """How many pictures wait for a thread."""
        return sum(job.begun is None for job in list(self._jobs))

    @property
    def looking(self) -> int:
        """How many pictures are being looked at."""
        return sum(job.begun is not None for job in list(self._jobs))

    def is_stuck(self) -> bool:
        """Whether a thread has not come back from a picture, which then ends only with the process."""
        too_early = time.monotonic() - self._limits.picture_seconds
        return any(job.begun is not None and job.begun < too_early for job in list(self._jobs))

    def check_room(self) -> None:
        """Raise Refused where a picture would not find a place to wait."""
        if self.waiting >= max(1, self._limits.waiting):
            raise Refused("queue", f"The server is busy: {self.waiting} pictures wait. Try again in a few seconds.")

    async def about(self, picture: bytes, with_thumbnail: bool = False) -> dict[str, Any]:
        """Answer about the bytes of one picture, as the server's contract has it.

        Raises:
            NotAPhoto: the bytes do not decode to a whole picture; TooManyPixels when it is too large to.
            Refused: too many wait, it took too long, or there is too little memory for it now.
        """
        self.check_room()
        try:
            async with asyncio.timeout(self._limits.picture_seconds):
                try:
                    return await self._in(
                        self._threads, picture, min(LARGE_PHOTO, self._limits.upload_pixels), with_thumbnail
                    )
                except TooManyPixels:
                    if self._limits.upload_pixels <= LARGE_PHOTO:
                        raise
                return await self._in(self._thread_for_large, picture, self._limits.upload_pixels, with_thumbnail)
        except TimeoutError:
            seconds = f"{self._limits.picture_seconds:g} seconds"
            raise Refused(
                "slow_picture", f"There was no answer about the picture within {seconds}. Try again."
            ) from None
        except MemoryError:
            raise Refused("memory", "There is too little memory for this picture now. Send a smaller one.") from None

    async def _in(
        self, threads: ThreadPoolExecutor, picture: bytes, pixels: int, with_thumbnail: bool
    ) -> dict[str, Any]:
        job = _Job(time.monotonic())
        self._jobs.add(job)
        work = self._work(job, lambda: self._look(picture, pixels, with_thumbnail))
        try:
            reply = await asyncio.get_running_loop().run_in_executor(threads, work)
        finally:
            if job.begun is None:  # given up before a thread was free
                self._jobs.discard(job)
        assert job.begun is not None
        self._tally.observe("wait", job.begun - job.given)
        self._tally.observe("look", time.monotonic() - job.begun)
        self._tally.answered(self._places[reply["predictions"][0][0]], reply["unknown"])
        return reply

    def _work(self, job: _Job, look: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        def work() -> dict[str, Any]:
            job.begun = time.monotonic()
            try:
                return look()
            finally:
                self._jobs.discard(job)

        return work

    def _look(self, picture: bytes, most_pixels: int, with_thumbnail: bool) -> dict[str, Any]:
        pixels = decode(picture, most_pixels)
        try:
            return self._answer(pixels, with_thumbnail)
        finally:
            if pixels.size > 3 * LARGE_PHOTO:
                del pixels
                give_back_memory()

    def _answer(self, pixels: Pixels, with_thumbnail: bool) -> dict[str, Any]:
        model = self.for_one if self.for_one and len(self._jobs) == 1 else self._model
        reply = model.predict(pixels).to_dict()
        reply["threshold"] = self._model.info.threshold
        reply["model"] = self._about_model
        if with_thumbnail:
            reply["thumbnail"] = data_uri(thumbnail(pixels, THUMBNAIL))
        return reply


def open_model(path: str | os.PathLike[str], threads: int = 1) -> Model:
    """Open a model file for serving and let it answer once, so that the first visitor does not wait for it.

    One thread a photo: several visitors share the processors better than the threads of one photo do.

    Raises:
        ModelFileError: the file is missing, not ONNX, or not one of ours.
    """
    model = Model(path, threads=threads)
    model.run(np.zeros((64, 64, 3), dtype=np.uint8))
    return model


class Gate:
    """Lets so many requests in at a time and sends the next one away, to come back when told."""

    def __init__(self, most: int, reason: str, busy_with: str) -> None:
        self.most = most
        self.inside = 0
        self._reason = reason
        self._busy_with = busy_with

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place inside. Raises Refused when there is none."""
        if self.inside >= self.most:
            sentence = f"The server is busy with {self.inside} {self._busy_with}. Try again in a few seconds."
            raise Refused(self._reason, sentence)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class Held:
    """How many bytes all requests together hold, so that many large ones cannot fill memory."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Yield what is to be called for every byte that comes, and let go of them all at the end.

        What is yielded raises Refused when there is no room for so many.
        """
        mine = 0

        def take(count: int) -> None:
            nonlocal mine
            if self.held + count > self.most:
                size = f"{self.most // MIB} MiB"
                raise Refused("memory", f"The server holds {size} of pictures already. Try again in a few seconds.")
            self.held += count
            mine += count

        try:
            yield take
        finally:
            self.held -= mine
