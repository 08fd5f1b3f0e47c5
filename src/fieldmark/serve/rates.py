"""Addresses -> who has asked too much. A table of fixed size that all workers share, so that no crowd can fill memory.

For each address one number is kept: the time at which it will have paid for what it asked (the "generic cell rate
algorithm" of ATM networks, ITU-T I.371). A picture costs `seconds / pictures`; who would owe more than `seconds` waits.
So a whole minute's worth may come at once, and after that the rate holds. Nothing is locked: of two workers that count
one address at the same moment one may forget to, which lets a picture more pass.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import secrets
from collections.abc import Iterable
from typing import Any

SLOTS = 1 << 15
"""Addresses that are remembered; at 16 bytes each that is half a MiB."""

_WAYS = 8  # slots in which an address may stand; the one that owes least makes room
_EMPTY = 0.0


class Rates:
    """How much each address may ask."""

    def __init__(self, pictures: int, seconds: float, numbers: Any = None, secret: bytes | None = None) -> None:
        """Let each address ask about so many pictures in so many seconds.

        Args:
            pictures: at least 1.
            seconds: in which they may be asked about.
            numbers: float64 `[2 * SLOTS]`, zeros at first: fingerprints and times; shared memory, or None.
            secret: by which addresses are scattered, the same for all who share `numbers`.
        """
        self._cost = seconds / pictures
        self._credit = seconds
        self._table = memoryview(numbers if numbers is not None else bytearray(16 * SLOTS)).cast("B").cast("d")
        self._secret = secret if secret is not None else secrets.token_bytes(16)

    def charge(self, address: str, pictures: int, now: float) -> int:
        """Charge an address for some pictures.

        Args:
            address: as `address_of` gives it.
            pictures: how many at once; more than may ever be asked are counted as that many.
            now: as `time.monotonic` has it, which on one computer all processes share.

        Returns:
            0 when it may ask, else after how many seconds it may; nothing is charged then.
        """
        slot, fingerprint = self._slot(address, now)
        known = self._table[2 * slot] == fingerprint
        paid = max(now, self._table[2 * slot + 1]) if known else now
        owed = paid + min(pictures * self._cost, self._credit)
        if owed > now + self._credit + 1e-6:
            return max(1, math.ceil(owed - now - self._credit))
        self._table[2 * slot], self._table[2 * slot + 1] = fingerprint, owed
        return 0

    def _slot(self, address: str, now: float) -> tuple[int, float]:
        """Return where an address stands, or where it may be written, and what it is known by there."""
        digest = hashlib.blake2b(address.encode(), key=self._secret, digest_size=12).digest()
        fingerprint = float(1 + int.from_bytes(digest[:6], "big"))  # 48 bits, which a float64 holds whole
        first = int.from_bytes(digest[6:], "big") % SLOTS
        slots = [(first + way) % SLOTS for way in range(_WAYS)]
        for slot in slots:
            if self._table[2 * slot] == fingerprint:
                return slot, fingerprint
        return min(slots, key=lambda slot: self._table[2 * slot + 1]), fingerprint


def address_of(peer: str | None, forwarded: Iterable[str], proxies: int) -> str:
    """Return by whose address a request is counted.

    Each proxy adds whom it heard from at the end of `X-Forwarded-For`; what stands before that, anyone may have
    written. So with `proxies` of our own in front, that many from the end is the one that they saw.

    Args:
        peer: who connected to us.
        forwarded: the values of all `X-Forwarded-For` headers, in order.
        proxies: how many proxies of ours stand in front; with 0 nothing is believed.

    Returns:
        An IPv4 address, or the /64 network of an IPv6 one, which is what one customer has. Text that is no address is
        not believed: then it is that of the peer.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    if proxies and len(hops) >= proxies and (known := _canonical(hops[-proxies])):
        return known
    return _canonical(peer or "") or "unknown"


def _canonical(text: str) -> str | None:
    host = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if host.count(":") == 1:  # IPv4 with a port, as some proxies write
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
