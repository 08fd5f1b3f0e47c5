"""A model file and a socket -> answers, in one process, until whoever looks after it says stop."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fieldmark.config import SECONDS_OF, ServeSettings
from fieldmark.errors import FieldmarkError
from fieldmark.net.patience import Patience
from fieldmark.net.quiet import QuietServer
from fieldmark.serve.answers import Answers, open_model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.limits import Limits
from fieldmark.serve.log import Log
from fieldmark.serve.rates import Rates
from fieldmark.serve.tally import Tally

MOST_FOR_ONE = 4
"""Threads that one picture is given at most when it is alone; what more of them would bring has not been measured."""

READY, FAILED, LEAVING = "ready", "failed", "leaving"
"""What a worker says: (READY, classes), (FAILED, error), (LEAVING, sentence)."""


@dataclass(frozen=True)
class Order:
    """All that a worker is told; it is sent to another process."""

    model: str
    settings: ServeSettings
    key: str | None
    hosts: frozenset[str] | None
    figures: Any  # the shared table of `tally`
    rates: Any  # that of `rates`, or None
    secret: bytes  # by which addresses are scattered in it


def work(order: Order, row: int, listener: socket.socket, pipe: Connection, not_ours: list[Connection]) -> None:
    """Answer until told to stop by a word in the pipe, or by its end.

    Args:
        order: what to serve, and how.
        row: of the shared table, which is this process's own.
        listener: the socket that all workers take connections from.
        pipe: to whoever looks after this process.
        not_ours: ends of pipes to other workers, which a forked process has too; while one is open here, that worker
            would not notice that whoever looks after it is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches every process; one of them decides
    for other in not_ours:
        other.close()
    _mute_libraries()
    try:
        server = _server_of(order, row, pipe)
    except FieldmarkError as error:
        pipe.send((FAILED, error))
        return

    def stop(*_: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=_listen, args=(pipe, stop), daemon=True).start()
    server.run(sockets=[listener])
    os._exit(0)  # at once: a thread that is stuck in a picture would be waited for


def _server_of(order: Order, row: int, pipe: Connection) -> QuietServer:
    log, tally = Log(order.settings.log), Tally(order.figures, row)
    log.take_faults()
    model = open_model(order.model)
    terms = terms_of(order.settings, order.key, order.hosts, tally, log, order.rates, order.secret)
    app = create_app(model, terms)

    def each_second() -> None:
        app.tell(server.connections)
        if app.answers.is_stuck() and not server.should_exit:
            seconds = f"{order.settings.picture_seconds:g} seconds"
            pipe.send((LEAVING, f"it did not come back from a picture within {seconds}"))
            server.should_exit = True

    def ready() -> None:
        pipe.send((READY, model.classes))
        threads = min(terms.limits.threads // order.settings.workers, MOST_FOR_ONE)
        also = (order.model, model.digest, threads, app.answers)
        threading.Thread(target=open_for_one, args=also, daemon=True).start()  # later, so that the first need not wait

    server = QuietServer(
        app,
        when_ready=ready,
        patience=patience_of(order.settings, tally),
        takes_signals=False,
        each_second=each_second,
    )
    return server


def open_for_one(path: str, digest: str, threads: int, answers: Answers) -> None:
    """Open the model of this digest a second time, for who is the only visitor, unless there is but one thread to give.

    Over 36 photos the answers were the same to the last bit. It costs some 60 MiB, and spares that visitor a third of
    the time.
    """
    if threads > 1:
        with contextlib.suppress(FieldmarkError):  # the file is gone meanwhile, or being replaced: do without
            again = open_model(path, threads)
            if again.digest == digest:
                answers.for_one = again


def _mute_libraries() -> None:
    """Keep off stderr what libraries say about damaged pictures: strangers must not write into the log."""
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def _listen(pipe: Connection, stop: Callable[[], None]) -> None:
    with contextlib.suppress(EOFError, OSError):  # then whoever looked after us is gone
        pipe.recv()
    stop()


def terms_of(
    settings: ServeSettings,
    key: str | None = None,
    hosts: frozenset[str] | None = None,
    tally: Tally | None = None,
    log: Log | None = None,
    rates: Any = None,
    secret: bytes | None = None,
) -> Terms:
    """Return what settings mean for an application; the tables may be shared with other processes."""
    return Terms(
        limits=Limits.of(settings),
        key=key,
        hosts=hosts,
        origins=settings.allow_origin,
        rates=_rates_of(settings, rates, secret),
        proxies=settings.trust_proxy,
        tally=tally or Tally(),
        log=log or Log(),
    )


def _rates_of(settings: ServeSettings, numbers: Any, secret: bytes | None) -> Rates | None:
    if settings.rate is None:
        return None
    pictures, _, unit = settings.rate.partition("/")
    return Rates(int(pictures), SECONDS_OF[unit], numbers, secret)


def patience_of(settings: ServeSettings, tally: Tally) -> Patience:
    """Return how long connections are waited for."""
    return Patience(
        connections=settings.connections, grace=settings.grace, tell=lambda reason: tally.add("refusals", reason)
    )
