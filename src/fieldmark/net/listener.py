"""A host and a port -> a socket that listens there, or a sentence that says why it cannot."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys

from fieldmark.errors import ServeError

HOST = "127.0.0.1"


def listen(host: str, port: int, usual: int) -> socket.socket:
    """Take a port before anything slow happens, so that a port in use is found out at once.

    Args:
        host: name or address to listen on.
        port: 0 takes any free one.
        usual: the port to speak of where the one that was asked for cannot be.

    Raises:
        ServeError: the port is in use or not ours to take, or the host is not this computer's.
    """
    if not 0 <= port <= 65535:
        raise ServeError(f"There is no port {port}; ports go from 1 to 65535. Choose one: --port {usual}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise ServeError(f"There is no host {host!r} to listen on. Choose one: --host {HOST}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait a minute
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServeError(_why_not(error, host, port, usual)) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return a URL under which a browser on this computer finds the socket."""
    address, port = listener.getsockname()[:2]
    if ipaddress.ip_address(address).is_unspecified:
        address = "::1" if listener.family == socket.AF_INET6 else HOST
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Return whether this computer alone can reach the socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _why_not(error: OSError, host: str, port: int, usual: int) -> str:
    another = f"Choose another: --port {port + 1 if 1024 <= port < 65535 else usual}, or --port 0 for any free one."
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)):
        return f"Port {port} on {host} is in use by another program, perhaps another Fieldmark. {another}"
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", -1)):
        return f"Port {port} is not ours to take; those below 1024 need an administrator. {another}"
    if error.errno in (errno.EADDRNOTAVAIL, getattr(errno, "WSAEADDRNOTAVAIL", -1)):
        return f"{host} is not an address of this computer. Choose one: --host {HOST}"
    return f"Cannot listen on port {port} of {host}: {error.strerror or error}. {another}"
