"""What happened -> a line on stderr, to read or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

LONGEST_PATH = 120
"""Characters of a path that are written down; longer ones are attacks."""


class Log:
    """Writes lines as one of `config.LOGS` has it: `text`, `json` or `none`."""

    def __init__(self, form: str = "none", stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream

    def request(self, *, reason: str = "", **fields: Any) -> None:
        """Write down one request that was answered."""
        if self._form == "none":
            return
        fields["path"] = _printable(fields["path"])[:LONGEST_PATH]
        if reason:
            fields["reason"] = reason
        text = f"{fields['method']} {fields['path']} {fields['status']} {fields['ms']:.0f} ms"
        text += f" {fields['client']} {fields['request_id']}{f' {reason}' if reason else ''}"
        self._write("info", "request", text, fields)

    def event(self, level: str, text: str, **fields: Any) -> None:
        """Write down something that befell the server itself."""
        if self._form != "none":
            self._write(level, "server", text, {"message": text, **fields})

    def take_faults(self) -> None:
        """Let what uvicorn says of faults of ours pass here too, so that a log of JSON is nothing but JSON."""
        if self._form == "json":
            handler = _Faults(self)
            for name in ("uvicorn.error", "asyncio"):
                logger = logging.getLogger(name)
                logger.propagate = False
                logger.handlers = [handler]

    def _write(self, level: str, event: str, text: str, fields: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        if self._form == "json":
            time = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = json.dumps({"time": time, "level": level, "event": event, **fields})
        else:
            prefix = "" if level == "info" else f"{level}: "
            line = f"{now.astimezone():%Y-%m-%d %H:%M:%S} {prefix}{text}"
        stream = self._stream or sys.stderr
        stream.write(line + "\n")  # in one piece, so that lines of several workers do not run into each other
        stream.flush()


class _Faults(logging.Handler):
    """Records of other loggers -> events of ours."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._log.event(record.levelname.lower(), self.format(record))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
