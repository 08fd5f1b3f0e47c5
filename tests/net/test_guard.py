import ipaddress
import socket

import anyio
import httpcore2
import pytest

from fieldmark.errors import FetchFailed, RefusedAddress, WrongUsage
from fieldmark.net import guard

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

REFUSED = {
    "0.0.0.0": "no particular computer",
    "0.1.2.3": "no particular computer",
    "10.0.0.1": "a private network",
    "100.64.0.1": "a provider's internal network",
    "100.100.100.200": "a provider's internal network",
    "127.0.0.1": "this computer itself",
    "127.255.255.254": "this computer itself",
    "168.63.129.16": "a cloud's metadata service",
    "169.254.169.254": "a link-local address, where clouds keep their metadata",
    "172.16.0.1": "a private network",
    "172.31.255.255": "a private network",
    "192.0.0.192": "a reserved address",
    "192.0.2.1": "an address reserved for documentation",
    "192.88.99.1": "a 6to4 relay",
    "192.168.1.1": "a private network",
    "198.18.0.1": "a network for benchmarks",
    "198.51.100.7": "an address reserved for documentation",
    "203.0.113.9": "an address reserved for documentation",
    "224.0.0.1": "a multicast group",
    "240.0.0.1": "a reserved address",
    "255.255.255.255": "a reserved address",
    "::": "no particular computer",
    "::1": "this computer itself",
    "::127.0.0.1": "a reserved address",
    "::ffff:127.0.0.1": "this computer itself",
    "::ffff:10.1.2.3": "a private network",
    "::ffff:0:127.0.0.1": "a reserved address",
    "64:ff9b::127.0.0.1": "this computer itself",
    "64:ff9b::169.254.169.254": "a link-local address, where clouds keep their metadata",
    "64:ff9b:1::1": "a reserved address",
    "100::1": "a reserved address",
    "2001::1": "an address inside a Teredo tunnel",
    "2001:2::1": "a reserved address",
    "2001:db8::1": "an address reserved for documentation",
    "2002:7f00:1::1": "an address inside a 6to4 tunnel",
    "2002:808:808::1": "an address inside a 6to4 tunnel",
    "2600::5efe:127.0.0.1": "an address inside an ISATAP tunnel",
    "2600::200:5efe:10.0.0.1": "an address inside an ISATAP tunnel",
    "3fff::1": "an address reserved for documentation",
    "5f00::1": "a reserved address",
    "fc00::1": "a private network",
    "fd00:ec2::254": "a private network",
    "fe80::1": "a link-local address",
    "fe80::1%2": "a link-local address",
    "fec0::1": "a reserved address",
    "ff02::1": "a multicast group",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address):
    assert guard.why_refused(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(("address", "kind"), REFUSED.items())
def test_an_address_off_the_public_internet_is_refused_by_name(address, kind):
    assert guard.why_refused(ipaddress.ip_address(address)) == kind


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "data:image/png;base64,AAAA",
        "gopher://example.org/",
        "javascript:alert(1)",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "https://example.org@127.0.0.1/",
    ],
)
def test_a_url_that_is_no_plain_web_address_is_refused(url):
    with pytest.raises(RefusedAddress):
        guard.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "snake.jpg",
        "//example.org/a.jpg",
        "http://",
        "http:///a.jpg",
        "http://[::1/",
        "http://999.1.1.1/",
        "http://[fe80::1%25eth0]/",
        "http://exa%6dple.org/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://example.org:port/",
        "http://exa mple.org/\n",
        "http://example.org\\@127.0.0.1/",
        "http://example.org/\r\nHost: 127.0.0.1",
        "http://example.org/\x00",
    ],
)
def test_what_is_no_url_gets_a_sentence(url):
    with pytest.raises(FetchFailed) as failure:
        guard.check_url(url)
    assert str(failure.value).endswith(".")
    assert str(failure.value).isprintable()


def test_a_url_of_2048_characters_passes_and_one_more_does_not():
    longest = "https://example.org/".ljust(2048, "a")
    assert str(guard.check_url(longest)) == longest
    with pytest.raises(FetchFailed, match="2,049 characters"):
        guard.check_url(longest + "a")


def test_a_sentence_never_repeats_a_whole_long_url():
    with pytest.raises(FetchFailed) as failure:
        guard.check_url("https://example.org/" + "a" * 20_000)
    assert len(str(failure.value)) < 250


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0x7f000001", "017700000001", "2130706433", "127.1", "0177.0.0.1", "::1", "::ffff:127.0.0.1"]
)
def test_every_spelling_of_the_loopback_address_is_refused(host):
    with pytest.raises(RefusedAddress, match="this computer itself"):
        anyio.run(guard.GuardedBackend().connect_tcp, host, 80)


def test_a_name_with_one_private_address_is_refused_whole():
    addresses = [ipaddress.ip_address("93.184.215.14"), ipaddress.ip_address("10.0.0.5")]
    with pytest.raises(RefusedAddress, match="a private network") as refusal:
        guard.judge("mixed.example", addresses, 80, frozenset())
    assert "10.0.0.5" not in str(refusal.value)


def test_the_connection_goes_to_the_address_that_was_judged_and_the_name_is_resolved_once(monkeypatch):
    asked = []

    async def answers_differently_each_time(host, port, **_):
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    async def note_where(self, host, port, *_):
        connected.append((host, port))
        raise httpcore2.ConnectError("far enough")

    monkeypatch.setattr(guard.anyio, "getaddrinfo", answers_differently_each_time)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", note_where)
    with pytest.raises(httpcore2.ConnectError):
        anyio.run(guard.GuardedBackend().connect_tcp, "rebinding.example", 443)
    assert asked == ["rebinding.example"]
    assert connected == [("93.184.215.14", 443)]


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch):
    async def two_addresses(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("93.184.215.14", "93.184.215.15")]

    tried = []

    async def only_the_second_answers(self, host, port, timeout, *_):
        tried.append((host, timeout))
        if host.endswith(".14"):
            raise httpcore2.ConnectTimeout("nobody")
        return httpcore2.AsyncMockStream([])

    monkeypatch.setattr(guard.anyio, "getaddrinfo", two_addresses)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", only_the_second_answers)
    anyio.run(guard.GuardedBackend().connect_tcp, "example.org", 80, 8.0)
    assert tried == [("93.184.215.14", 4.0), ("93.184.215.15", 4.0)]


def test_an_exemption_holds_for_that_port_of_that_address_only():
    allowed = guard.allowed_endpoints({"FIELDMARK_ALLOW_HOSTS": "127.0.0.1:8123, [::1]:9000"})
    loopback = [ipaddress.ip_address("127.0.0.1")]
    guard.judge("127.0.0.1", loopback, 8123, allowed)
    guard.judge("::1", [ipaddress.ip_address("::1")], 9000, allowed)
    with pytest.raises(RefusedAddress):
        guard.judge("127.0.0.1", loopback, 8124, allowed)
    with pytest.raises(RefusedAddress):
        guard.judge("127.0.0.2", [ipaddress.ip_address("127.0.0.2")], 8123, allowed)


def test_an_exemption_is_announced_once_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr(guard, "_announced", set())
    for _ in range(3):
        guard.allowed_endpoints({"FIELDMARK_ALLOW_HOSTS": "127.0.0.1:8123"})
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "FIELDMARK_ALLOW_HOSTS" in err
    assert "127.0.0.1:8123" in err


def test_nothing_is_announced_when_nothing_is_exempt(capsys):
    assert guard.allowed_endpoints({}) == frozenset()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("entry", ["localhost:80", "127.0.0.1", "127.0.0.1:http", "*", "10.0.0.0/8:80"])
def test_an_exemption_that_is_no_address_and_port_is_wrong_usage(entry):
    with pytest.raises(WrongUsage, match="FIELDMARK_ALLOW_HOSTS"):
        guard.allowed_endpoints({"FIELDMARK_ALLOW_HOSTS": entry})


def test_a_local_socket_is_never_opened():
    with pytest.raises(RefusedAddress):
        anyio.run(guard.GuardedBackend().connect_unix_socket, "/run/docker.sock")
