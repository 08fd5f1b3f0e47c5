"""Everything that can go wrong in a way we explain, and the exit code each ends a command with.

FieldmarkError                     1   what happened, what was given, what to do next
├── WrongUsage                     2   flags or settings that make no sense
├── MissingExtra                   1   a package that only an extra installs
├── NotAPhoto                      1   bytes that do not become pixels
│   ├── TooManyPixels              1   a picture larger than we are willing to decode
│   ├── TooSmall                   1   a picture smaller than what was asked for
│   └── BadShape                   1   a picture much longer than wide, or wider than long
├── FolderError                    1   a photo folder that cannot be learned from
├── BackboneError                  1   a network or its weights that cannot be had
├── RunError                       1   a run folder that is missing, unfinished or damaged
├── TrainingFailed                 1   a loss that is no number
├── ModelFileError                 1   a model file that is not ours, or not whole
├── ExportDisagrees                1   torch and ONNX answer differently; nothing was written
├── TargetError                    1   something for a host that cannot be made, or that the host would not take
├── ServeError                     1   a server that cannot start
├── WebPageError                   1   a static page that cannot be made, or has no place to go
├── QueryError                     1   a query sheet or list of URLs that cannot be read as one
├── WorkspaceError                 1   a workspace that is missing, damaged or of a newer Fieldmark
├── VerdictError                   1   a table of verdicts that cannot be read as one
├── SearchFailed                   1   a provider that gave no answer we can use; never "found nothing"
│   ├── Blocked                    1   it takes us for a robot, or refuses us
│   ├── RateLimited                1   it wants us to come back later
│   ├── NoKey                      1   it answers only to a key that is not set, or not good
│   └── PageChanged                1   it answered, but not in the shape we know
└── FetchFailed                    1   a URL that gave no usable bytes
    ├── RefusedAddress             1   a URL that leads where we will not go
    ├── BadURL                     1   text that is no URL
    ├── BadStatus                  1   an HTTP status other than success, or redirects without end
    ├── TimedOut                   1   more seconds than we give
    ├── TooManyBytes               1   more bytes than we read
    ├── Unreachable                1   no such host, nobody there, or a connection that broke
    │   └── BrokenOff              1   a connection that was made and broke, or spoke no proper HTTP
    ├── RobotsRefuse               1   a URL that the site's robots.txt keeps from us
    └── OptedOut                   1   a picture whose owner says that no machine shall learn from it
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class FieldmarkError(Exception):
    """A failure with a sentence for the person who caused it, and an exit code for their script."""

    exit_code = 1


class WrongUsage(FieldmarkError):
    """A flag or setting that makes no sense."""

    exit_code = 2


class MissingExtra(FieldmarkError):
    """A package that is only there once an extra is installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs a package that is not installed. Run: pip install 'fieldmark[{extra}]'")
        self.extra = extra


class NotAPhoto(FieldmarkError):
    """Bytes that do not decode to a picture. The message is the reason alone, fit for a list of files."""


class TooManyPixels(NotAPhoto):
    """A picture whose header promises more pixels than we decode."""


class TooSmall(NotAPhoto):
    """A picture with a side shorter than what was asked for."""


class BadShape(NotAPhoto):
    """A picture whose sides are too different: a banner, a strip of film, a divider of a web page."""


class FolderError(FieldmarkError):
    """A photo folder that cannot be learned from."""


class BackboneError(FieldmarkError):
    """A backbone whose name or weights cannot be used."""


class RunError(FieldmarkError):
    """A run folder that is missing, unfinished or damaged."""


class TrainingFailed(FieldmarkError):
    """Training that ended without a usable model."""


class ModelFileError(FieldmarkError):
    """A model file that is missing, not ONNX, or not one of ours."""


class ExportDisagrees(FieldmarkError):
    """The exported graph and the trained network answer differently."""


class TargetError(FieldmarkError):
    """Something for a host that cannot be made, or that the host would not take. Nothing was written."""


class ServeError(FieldmarkError):
    """A server that cannot start."""


class WebPageError(FieldmarkError):
    """A static page that lacks what it needs, or a folder that it must not be written into."""


class QueryError(FieldmarkError):
    """A query sheet or a list of URLs that cannot be read as one. The message names the file and the line."""


class WorkspaceError(FieldmarkError):
    """A workspace that is missing, damaged, or written by a newer Fieldmark."""


class VerdictError(FieldmarkError):
    """A table of verdicts that cannot be read as one. Nothing of it was taken."""


class SearchFailed(FieldmarkError):
    """A provider that gave no answer we can use. Finding nothing is an answer, and not this."""

    outcome = "failed"


class Blocked(SearchFailed):
    """A provider that takes us for a robot, or refuses this network address."""

    outcome = "blocked"


class RateLimited(SearchFailed):
    """A provider that wants us to come back later."""

    outcome = "rate-limited"

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after  # seconds, where the provider said how many


class NoKey(SearchFailed):
    """A provider that answers only to a key, which is not set or which it does not accept."""

    outcome = "no key"


class PageChanged(SearchFailed):
    """A provider that answered in a shape we do not know: its page or its interface has changed."""

    outcome = "page changed"


class FetchFailed(FieldmarkError):
    """A URL that gave no usable bytes."""

    final = False  # True where another try in the same run is pointless, since its host was given up


class RefusedAddress(FetchFailed):
    """A URL that leads to an address we do not call."""


class BadURL(FetchFailed):
    """Text that is no URL, or one too long to be a picture's."""


class BadStatus(FetchFailed):
    """An HTTP status other than success, or more redirects than we follow."""

    def __init__(self, sentence: str, code: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code  # None for too many redirects
        self.retry_after = retry_after  # seconds, where the host said how many


class TimedOut(FetchFailed):
    """A URL that took more seconds than we give."""


class TooManyBytes(FetchFailed):
    """A URL that sends more bytes than we read."""


class Unreachable(FetchFailed):
    """No such host, nobody who answers there, or a connection that broke off."""


class BrokenOff(Unreachable):
    """A host that was reached, and then a connection that broke, or bytes that are no proper HTTP."""


class RobotsRefuse(FetchFailed):
    """A URL that robots.txt keeps from us, or whose robots.txt cannot be had, so that we stay away."""


class OptedOut(FetchFailed):
    """A picture whose owner reserves it from machine learning, by a header or in robots.txt."""


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what a person is told of when several tasks failed: the first failure; the others follow from it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a sentence naming the words of `known` closest to `word`, or an empty string when none is close."""
    close = get_close_matches(word.lower(), list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(close)}?" if close else ""


_OS_REASONS = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "Your quota on this disk is used up",
    errno.EFBIG: "The file grew larger than this system allows",
    errno.EROFS: "The disk is read-only",
    errno.EACCES: "You have no permission",
    errno.EPERM: "You have no permission",
    errno.EMFILE: "Too many files are open",
}


def explain_os_error(error: OSError) -> str:
    """Return a sentence for an error of the operating system, with the file it is about."""
    reason = _OS_REASONS.get(error.errno or 0, error.strerror or str(error))
    where = f": {error.filename}" if error.filename else ""
    return f"{reason}{where}. Nothing half-made was left behind."
