"""URL -> whether anybody answers there, within seconds: asked before a library that would retry for a minute."""

from __future__ import annotations

import threading

import httpx2


def reachable(url: str, timeout: float = 5.0) -> bool:
    """Return whether `url` gives any HTTP answer, an error included, within `timeout` seconds.

    Not guarded, and honours the proxy settings of the environment: the URL is ours or the person's, such as that of a
    model hub. Blocks for at most `timeout`, name resolution included, which no socket timeout covers; hence the thread.
    """
    answers: list[int] = []
    asking = threading.Thread(target=_ask, args=(url, timeout, answers), name="fieldmark-probe", daemon=True)
    asking.start()
    asking.join(timeout)
    return bool(answers)


def _ask(url: str, timeout: float, answers: list[int]) -> None:
    try:
        with httpx2.Client(timeout=timeout, trust_env=True, follow_redirects=False) as client:
            answers.append(client.head(url).status_code)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, ImportError):
        return  # no answer; ValueError and ImportError are for proxy settings that the client cannot use
