"""A port -> every spelling of a URL that leads to it here, or to another address that a server must not call."""

from __future__ import annotations

# Of this computer: shortened, in other bases, mapped into IPv6, in letters that look like others.
_HERE = (
    "127.0.0.1 localhost localhost. 127.1 127.0.1 0 0.0.0.0 2130706433 0x7f000001 0x7f.1 017700000001 0177.0.0.1 "
    "0177.0.0x1 00000177.1 127.000.000.001 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1] "
    "[::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [2002:7f00:1::] [2001::1] "
    "１２７.０.０.１ ①②⑦.0.0.1 127。0。0。1 ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"
)

# Of its network, of whoever runs the machine, and of nobody.
_NEAR = (
    "[fe80::1] [fc00::1] [fd00:ec2::254] 169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 10.0.0.1 "
    "172.16.0.1 192.168.0.1 100.64.0.1 198.18.0.1 224.0.0.1 255.255.255.255 192.0.2.1 metadata.google.internal"
)

# Names that `target` resolves as a hostile resolver does: to both kinds of address, or to another each time.
_REBOUND = "both.rebind.example late.rebind.example late2.rebind.example"

_SCHEMES = ("ftp", "gopher", "file", "dict", "ldap", "ws", "jar", "data")


def inward(port: int) -> list[str]:
    """Return URLs; whoever calls one has called an address that is not of the public web, or no address at all."""
    return [
        *(f"http://{name}:{port}/a.jpg" for name in f"{_HERE} {_NEAR} {_REBOUND}".split()),
        f"http://user:secret@127.0.0.1:{port}/",
        f"http://example.org@127.0.0.1:{port}/",
        f"http://example.org:80@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@example.org/",
        f"http://127.0.0.1:{port}#@example.org/",
        f"//127.0.0.1:{port}/",
        *(f"{scheme}://127.0.0.1:{port}/" for scheme in _SCHEMES),
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://",
    ]
