"""Names -> providers: ours, and those that other packages bring. And where a test double takes a site's place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from urllib.parse import urlsplit, urlunsplit

from fieldmark.errors import WrongUsage, nearest
from fieldmark.search.provider import Provider
from fieldmark.search.providers import (
    baidu,
    bing,
    commons,
    duckduckgo,
    flickr,
    folder,
    gbif,
    google,
    inaturalist,
    openverse,
    urls,
)
from fieldmark.terminal import warn

GROUP = "fieldmark.providers"
"""The entry points under which another package names a `Provider` of its own."""

DEFAULTS = ("openverse", "commons", "inaturalist")
"""Who is asked without `-c`: they know licences, need no key and allow programs. The last keeps to names of taxa."""

LOCAL = {"urls": urls.ABOUT, "folder": folder.ABOUT}
"""What stands beside the providers in `-c` and answers to no query, with a line about each."""

_OURS = (openverse, commons, inaturalist, gbif, flickr, google, bing, duckduckgo, baidu)

_announced: set[tuple[str, str]] = set()


def providers() -> dict[str, Provider]:
    """Return all providers by name: ours in a fixed order, then those of other packages."""
    ours = {module.PROVIDER.name: module.PROVIDER for module in _OURS}
    return {**ours, **{provider.name: provider for provider in _of_others()}}


def find(name: str) -> Provider:
    """Return a provider, whatever the case of its name. Raises WrongUsage for a name that there is not."""
    known = providers()
    wanted = name.strip().lower()
    if wanted in LOCAL:
        raise WrongUsage(
            f"{wanted} answers to no query: {LOCAL[wanted]}. Give it as the source: fieldmark harvest PATH"
        )
    if wanted not in known:
        everyone = ", ".join([*known, *LOCAL])
        raise WrongUsage(f"There is no provider {name!r}.{nearest(wanted, [*known, *LOCAL])} There are: {everyone}.")
    return known[wanted]


def keys_of(provider: Provider, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return those of a provider's keys that the environment holds."""
    names = {name for together in provider.keys for name in together}
    return {name: environ[name].strip() for name in sorted(names) if environ.get(name, "").strip()}


def has_key(provider: Provider, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a provider can be asked: it needs no key, or all of one alternative are set."""
    held = keys_of(provider, environ)
    return not provider.keys or any(held.keys() >= set(together) for together in provider.keys)


def ready(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the names of the providers that can be asked now, which is what `-c all` means."""
    return tuple(name for name, provider in providers().items() if has_key(provider, environ))


def base_override(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return where `FIELDMARK_<NAME>_BASE` moves a provider, and say on stderr, once, that it is in force.

    Raises:
        WrongUsage: it holds no http or https address.
    """
    variable = f"FIELDMARK_{name.upper().replace('-', '_')}_BASE"
    base = environ.get(variable, "").strip()
    if not base:
        return None
    if not _is_base(base):
        raise WrongUsage(f"{variable} holds {base!r}. Give an address such as http://127.0.0.1:8123 or with a path.")
    if (variable, base) not in _announced:
        _announced.add((variable, base))
        # Not through `terminal`, which is silent in a library: that answers come from elsewhere is never kept quiet.
        sys.stderr.write(f"fieldmark: {variable} is set: {name} is asked at {base}\n")
    return base


def moved(url: str, base: str | None) -> str:
    """Return `url` at another site: scheme, host and port of `base`, whose path goes before its own."""
    if base is None:
        return url
    there, asked = urlsplit(base), urlsplit(url)
    return urlunsplit(
        asked._replace(scheme=there.scheme, netloc=there.netloc, path=there.path.rstrip("/") + asked.path)
    )


def _is_base(text: str) -> bool:
    try:
        parts = urlsplit(text)
        valid_port = parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and valid_port and not parts.query


@cache
def _of_others() -> tuple[Provider, ...]:
    """Load the providers of other packages, once. A broken one is named and left out."""
    taken = {*LOCAL, *(module.PROVIDER.name for module in _OURS)}
    found: list[Provider] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        provider = _load(entry)
        if provider is not None and provider.name in taken:
            warn(f"The provider {provider.name!r} of {entry.value} is left out: there is one of that name already.")
        elif provider is not None:
            taken.add(provider.name)
            found.append(provider)
    return tuple(found)


def _load(entry: EntryPoint) -> Provider | None:
    try:
        provider = entry.load()
    except Exception as error:  # code of strangers, which may raise anything while it is imported
        warn(f"The provider {entry.name!r} of {entry.value} cannot be loaded: {type(error).__name__}: {error}")
        return None
    if not isinstance(provider, Provider) or provider.name != provider.name.strip().lower() or not provider.name:
        warn(f"The provider {entry.name!r} of {entry.value} is left out: it is no Provider with a lower-case name.")
        return None
    return provider
