"""A socket and an order -> workers that answer, each replaced when it ends, until Ctrl-C or SIGTERM.

Who decodes pictures of strangers may be ended by one: by a fault in a decoder, or by a picture that takes for ever. So
even a single worker is a process of its own, and this one, which never sees a byte of a picture, starts the next.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any

from fieldmark.config import ServeSettings
from fieldmark.errors import ServeError
from fieldmark.serve.log import Log
from fieldmark.serve.rates import SLOTS
from fieldmark.serve.tally import COLUMNS, WIDTH, Tally, clear_gauges, row_of
from fieldmark.serve.worker import FAILED, LEAVING, READY, Order, work

SILENCE = 30
"""Seconds without a sign of life after which a worker is taken for hung and killed."""

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
_SHORT_LIFE = 5.0  # seconds; those who die younger are replaced ever more slowly
_LONGEST_PAUSE = 30.0
_MARGIN = 3.0  # seconds beyond its grace that a worker may take to end


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    row: int
    born: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    is_deaf: bool = False  # its end of the pipe is closed
    leaves_by: float | None = None  # when it is killed; until then it finishes what it has
    beat: float = 0.0
    silent: int = 0  # times in a row that we looked and `beat` was the same


class Supervisor:
    """Looks after the workers of one server."""

    def __init__(self, order: Order, listener: socket.socket, method: str | None = None) -> None:
        """Prepare.

        Args:
            order: what the workers are told; its tables come from `shared_tables`.
            listener: the socket they take connections from.
            method: how processes begin, `fork` or `spawn`; None for what suits the system.
        """
        self._order = order
        self._listener = listener
        self._log = Log(order.settings.log)
        self._context: Any = multiprocessing.get_context(method or start_method())
        self._rows = set(range(2 * order.settings.workers))  # that no worker writes
        self._tally = Tally(order.figures, 2 * order.settings.workers)
        self._workers: list[_Worker] = []
        self._classes: tuple[str, ...] | None = None  # once a worker has answered
        self._owed: list[float] = []  # when workers are to be started in place of others
        self._died_young = 0  # in a row
        self._signals = 0
        self._ear, self._mouth = multiprocessing.Pipe(duplex=False)

    def run(self, when_ready: Callable[[tuple[str, ...]], None]) -> None:
        """Keep workers at work until a signal says stop, then let them finish.

        Args:
            when_ready: called once, with the classes of the model, when all workers answer.

        Raises:
            FieldmarkError: the first workers could not begin.
            KeyboardInterrupt: a second signal; what was in hand is lost.
        """
        with self._hearing_signals():
            try:
                self._owed = [0.0] * self._order.settings.workers
                self._keep(when_ready)
                self._stop()
            finally:
                for worker in self._workers:
                    worker.process.kill()
                    worker.process.join()

    def _keep(self, when_ready: Callable[[tuple[str, ...]], None]) -> None:
        is_announced, looked = False, time.monotonic()
        while not self._signals:
            self._start_those_owed()
            self._hear(1.0 if not self._owed else 0.1)
            self._bury()
            if not is_announced and not self._owed and all(worker.is_ready for worker in self._workers):
                is_announced = True
                when_ready(self._classes or ())
            if time.monotonic() - looked >= 1.0:
                looked = time.monotonic()
                self._look_for_silence()

    def _stop(self) -> None:
        """Let the workers finish. From now on nobody takes connections but who has done so already."""
        self._listener.close()
        until = time.monotonic() + self._order.settings.grace + _MARGIN
        for worker in self._workers:
            self._dismiss(worker, until)
        while self._workers:
            self._hear(0.2)
            self._bury()
            if self._signals > 1:
                raise KeyboardInterrupt

    def _start_those_owed(self) -> None:
        now = time.monotonic()
        due = [when for when in self._owed if when <= now][: len(self._rows)]
        for when in due:
            self._owed.remove(when)
            self._start()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        row = self._rows.pop()
        not_ours = [] if self._context.get_start_method() != "fork" else self._pipes_but(ours)
        process = self._context.Process(
            target=work, args=(self._order, row, self._listener, theirs, not_ours), name="fieldmark-worker", daemon=True
        )
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours, row))

    def _pipes_but(self, ours: Connection) -> list[Connection]:
        return [ours, self._ear, self._mouth, *(worker.pipe for worker in self._workers)]

    def _hear(self, seconds: float) -> None:
        """Wait for a signal, for what a worker says, or for the end of one."""
        pipes = {worker.pipe: worker for worker in self._workers if not worker.is_deaf}
        ends = [worker.process.sentinel for worker in self._workers]
        for source in wait([self._ear, *pipes, *ends], seconds):
            if source is self._ear:
                self._ear.recv_bytes()
            elif isinstance(source, Connection) and source in pipes:
                self._take_word(pipes[source])

    def _take_word(self, worker: _Worker) -> None:
        try:
            word, what = worker.pipe.recv()
        except (EOFError, OSError):
            worker.is_deaf = True
            return
        if word == READY:
            worker.is_ready, self._classes = True, what
        elif word == FAILED and self._classes is None:
            raise what
        elif word == FAILED:
            self._log.event("error", f"a worker could not begin: {what}", worker=worker.process.pid)
        elif word == LEAVING:
            self._log.event("warning", f"a worker is replaced: {what}", worker=worker.process.pid)
            self._dismiss(worker, time.monotonic() + self._order.settings.grace + _MARGIN)
            self._owed.append(0.0)

    def _dismiss(self, worker: _Worker, until: float) -> None:
        worker.leaves_by = until
        with contextlib.suppress(OSError):  # it is gone already
            worker.pipe.send("stop")

    def _bury(self) -> None:
        """Take leave of who ended, kill who does not end when he should, and replace who was not to end."""
        for worker in list(self._workers):
            if worker.leaves_by is not None and time.monotonic() > worker.leaves_by:
                worker.process.kill()
                worker.process.join()
            if worker.process.is_alive():
                continue
            self._workers.remove(worker)
            worker.pipe.close()
            clear_gauges(row_of(self._order.figures, worker.row))
            self._rows.add(worker.row)
            if worker.leaves_by is None and not self._signals:
                self._replace(worker)

    def _replace(self, dead: _Worker) -> None:
        how = _how_it_ended(dead.process.exitcode)
        if self._classes is None:
            raise ServeError(f"The server could not begin: its worker was ended by {how}. The lines above may say why.")
        died_young = time.monotonic() - dead.born < _SHORT_LIFE
        self._died_young = self._died_young + 1 if died_young else 0
        pause = min(_LONGEST_PAUSE, 0.1 * 2**self._died_young) if self._died_young > 1 else 0.0
        self._owed.append(time.monotonic() + pause)
        self._tally.add("ended")
        self._log.event("error", f"a worker was ended by {how}; another takes its place", worker=dead.process.pid)

    def _look_for_silence(self) -> None:
        """Kill who says nothing. Times looked are counted, not seconds: while a laptop sleeps, nobody looks."""
        for worker in self._workers:
            beat = row_of(self._order.figures, worker.row)[COLUMNS["gauge", "beat"]]
            worker.silent = worker.silent + 1 if worker.is_ready and beat == worker.beat else 0
            worker.beat = beat
            if worker.silent >= SILENCE and worker.leaves_by is None:
                self._log.event(
                    "error", f"a worker gave no sign of life for {SILENCE} seconds", worker=worker.process.pid
                )
                worker.process.kill()

    @contextlib.contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        def hear(*_: object) -> None:
            self._signals += 1
            self._mouth.send_bytes(b"!")

        before = {number: signal.signal(number, hear) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)


def start_method() -> str:
    """Return how processes begin here.

    On Linux by forking, which takes milliseconds and shares what is loaded. Elsewhere libraries of the system do not
    bear it, and nowhere do threads.
    """
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


def shared_tables(settings: ServeSettings) -> tuple[Any, Any]:
    """Return the memory that workers share: figures (see `tally`), and what addresses owe (see `rates`) or None.

    There are two rows of figures for each worker, because one that leaves and the one in its place work side by side
    for a while, and one for the supervisor.
    """
    figures = RawArray("d", (2 * settings.workers + 1) * WIDTH)
    return figures, RawArray("d", 2 * SLOTS) if settings.rate else None


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {-code} ({signal.Signals(-code).name})"
    return f"itself, with exit code {code}"
