"""URL -> a connection to an address that was looked at first, or a refusal.

URLs come from strangers, so a URL may go only to the public internet. The name is resolved once, every address it
resolves to is judged, and the connection goes to one of those very addresses: a name that changes its mind between the
check and the call (DNS rebinding) gains nothing. Redirects pass here again, since each is a new URL and a new
connection. TLS still checks the certificate against the name.

A name with even one refused address is refused whole: a name that points both outside and inside is a trap or an
internal service, and picking its public half would make the answer depend on the order of its records. Every port is
allowed; what we guard is the address, and a public service on an odd port is as public as any other.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import anyio
import httpcore2
import httpx2

from fieldmark.errors import BadURL, RefusedAddress, Unreachable, WrongUsage

MAX_URL = 2048
"""Longest URL we call, in characters. Longer ones are attacks or `data:` URLs far more often than pictures."""

ALLOW_VARIABLE = "FIELDMARK_ALLOW_HOSTS"

Address = IPv4Address | IPv6Address
Endpoint = tuple[str, int]

# Everything IANA lists as not globally reachable, and two public-looking addresses behind which clouds hide metadata.
# Our own table, not `ipaddress.is_global`, whose answers change between patch releases of Python.
_REFUSED_4: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "no particular computer"),
    ("10.0.0.0/8", "a private network"),
    ("100.64.0.0/10", "a provider's internal network"),
    ("127.0.0.0/8", "this computer itself"),
    ("168.63.129.16/32", "a cloud's metadata service"),
    ("169.254.0.0/16", "a link-local address, where clouds keep their metadata"),
    ("172.16.0.0/12", "a private network"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "an address reserved for documentation"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "a private network"),
    ("198.18.0.0/15", "a network for benchmarks"),
    ("198.51.100.0/24", "an address reserved for documentation"),
    ("203.0.113.0/24", "an address reserved for documentation"),
    ("224.0.0.0/4", "a multicast group"),
    ("240.0.0.0/4", "a reserved address"),
)
_REFUSED_6: tuple[tuple[str, str], ...] = (
    ("::/128", "no particular computer"),
    ("::1/128", "this computer itself"),
    ("fc00::/7", "a private network"),
    ("fe80::/10", "a link-local address"),
    ("ff00::/8", "a multicast group"),
    ("2001::/32", "an address inside a Teredo tunnel"),
    ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "an address reserved for documentation"),
    ("2002::/16", "an address inside a 6to4 tunnel"),
    ("3fff::/20", "an address reserved for documentation"),
)
_NETWORKS_4 = tuple((ipaddress.IPv4Network(network), kind) for network, kind in _REFUSED_4)
_NETWORKS_6 = tuple((ipaddress.IPv6Network(network), kind) for network, kind in _REFUSED_6)
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 96 of an address whose last 32 bits are an IPv4 address

_announced: set[str] = set()


def why_refused(address: Address) -> str | None:
    """Say what kind of place `address` is when it is not the public internet; None when it is.

    IPv4-mapped and NAT64 addresses are judged as the IPv4 address within, since that is who answers (on an IPv6-only
    network NAT64 is the way to every IPv4 site). 6to4, Teredo and ISATAP tunnels are refused whatever they hold.
    """
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _NETWORKS_4 if address in network), None)
    if address.ipv4_mapped is not None:
        return why_refused(address.ipv4_mapped)
    if address in _NAT64:
        return why_refused(IPv4Address(int(address) & 0xFFFFFFFF))
    for network, kind in _NETWORKS_6:
        if address in network:
            return kind
    if address not in _PUBLIC_6:
        return "a reserved address"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "an address inside an ISATAP tunnel"
    return None


def check_url(url: str) -> httpx2.URL:
    """Parse a URL and refuse what cannot lead to a picture on the public web, before any name is resolved.

    The result is what the client calls, so that no second parser can read the URL another way.

    Raises:
        RefusedAddress: another scheme than http and https, a user name or password, an address we do not call.
        BadURL: not a URL, or longer than `MAX_URL`.
    """
    if len(url) > MAX_URL:
        length = f"{len(url):,} characters, more than the {MAX_URL:,} we read in a URL"
        raise BadURL(f"{shorten(url, 60)} has {length}. Give a shorter one.")
    if "\\" in url or not url.isprintable():
        raise BadURL(f"{shorten(url)} is not a URL: it holds a backslash or a control character.")
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise BadURL(f"{shorten(url)} is not a URL. Give one such as https://example.org/snake.jpg.") from None
    if not parsed.scheme:
        raise BadURL(f"{shorten(url)} is not a whole URL. Start it with https:// or http://.")
    if parsed.scheme not in ("http", "https"):
        raise RefusedAddress(f"{shorten(url)} is neither http nor https. Give the web address of a picture.")
    if not parsed.host or "%" in parsed.host:
        raise BadURL(f"{shorten(url)} names no proper host. Give one such as https://example.org/snake.jpg.")
    if parsed.userinfo:
        raise RefusedAddress(f"{shorten(url)} holds a user name or password. Give the URL without it.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise BadURL(f"{shorten(url)} names port {parsed.port}; ports go from 1 to 65,535.")
    return parsed


def shorten(url: str, longest: int = 100) -> str:
    """Make a URL fit for a sentence: at most `longest` characters, control characters shown as `?`."""
    shown = "".join(character if character.isprintable() else "?" for character in url[:longest])
    return shown + "…" if len(url) > longest else shown


def allowed_endpoints(environ: Mapping[str, str] = os.environ) -> frozenset[Endpoint]:
    """Read the endpoints that `FIELDMARK_ALLOW_HOSTS` exempts, and say on stderr, once, that it is in force.

    Raises:
        WrongUsage: an entry is not an IP address and a port.
    """
    text = environ.get(ALLOW_VARIABLE, "").strip()
    if not text:
        return frozenset()
    endpoints = _read_endpoints(text)
    if text not in _announced:
        _announced.add(text)
        # Not through `terminal`, which is silent in a library: a guard with a hole in it is never to be kept quiet.
        sys.stderr.write(f"fieldmark: {ALLOW_VARIABLE} is set: calls to {text} pass the address guard\n")
    return endpoints


@lru_cache(maxsize=8)  # asked for every connection
def _read_endpoints(text: str) -> frozenset[Endpoint]:
    return frozenset(_read_endpoint(entry.strip()) for entry in text.split(",") if entry.strip())


def _read_endpoint(entry: str) -> Endpoint:
    host, _, port = entry.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError:
        raise WrongUsage(
            f"{ALLOW_VARIABLE} holds {entry!r}. Give IP addresses with ports, such as 127.0.0.1:8123, between commas."
        ) from None
    return str(address), number


def judge(host: str, addresses: Iterable[Address], port: int, allowed: frozenset[Endpoint]) -> None:
    """Raise RefusedAddress when any of the `addresses` of `host` is one we do not call and that is not exempt."""
    for address in addresses:
        kind = why_refused(address)
        if kind is not None and (str(address), port) not in allowed:
            # The address itself stays unsaid: who asks must not learn what an internal name resolves to.
            raise RefusedAddress(
                f"{shorten(host)} leads to {kind}, where we do not go. Give the address of a picture on the public web."
            )


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of `host`, best first. Raises Unreachable when there are none.

    The system's resolver reads the old spellings of IPv4 addresses too (0x7f000001, 017700000001, 2130706433, 127.1),
    so that they are judged by what they mean.
    """
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"There is no host called {shorten(host)}, or its name cannot be resolved now.") from None
    return list(dict.fromkeys(ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in found))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """How the HTTP client opens connections: resolve, judge, connect to what was judged."""

    MOST_ADDRESSES = 6

    def __init__(self) -> None:
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; each gets an equal share of `timeout` seconds.

        Raises:
            RefusedAddress: one of its addresses is not on the public internet.
            Unreachable: the name does not resolve.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: nobody answers.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = await resolve(host, port)
        except TimeoutError:
            raise Unreachable(f"The name {shorten(host)} cannot be resolved now.") from None
        judge(host, addresses, port, allowed_endpoints())
        tried = addresses[: self.MOST_ADDRESSES]
        share = None if timeout is None else timeout / len(tried)
        failure: Exception | None = None
        for address in tried:
            try:
                return await self._plain.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: a URL never leads to a socket on this computer."""
        raise RefusedAddress("A local socket is not a place we call.")

    async def sleep(self, seconds: float) -> None:
        """Wait, as the HTTP client does between attempts."""
        await anyio.sleep(seconds)
