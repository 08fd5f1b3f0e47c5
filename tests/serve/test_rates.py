import pytest
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.rates import SLOTS, Rates, address_of
from support.tiny_model import RED, picture_bytes, tiny_model_bytes

SECRET = b"the same for all tests"[:16]


def rates(pictures, seconds, numbers=None):
    return Rates(pictures, seconds, numbers, SECRET)


def test_a_minutes_worth_may_come_at_once_and_then_the_rate_holds():
    limit = rates(60, 60.0)
    assert [limit.charge("a", 1, now=0.0) for _ in range(60)] == [0] * 60
    assert limit.charge("a", 1, now=0.0) == 1
    assert limit.charge("a", 1, now=1.0) == 0
    assert limit.charge("a", 1, now=1.0) == 1
    assert limit.charge("a", 60, now=1.0) == 60
    assert limit.charge("a", 60, now=61.0) == 0


def test_what_was_refused_is_not_charged():
    limit = rates(2, 60.0)
    assert limit.charge("a", 2, now=0.0) == 0
    assert [limit.charge("a", 1, now=n) for n in range(29)] == [30 - n for n in range(29)]
    assert limit.charge("a", 1, now=30.0) == 0


def test_addresses_are_counted_apart():
    limit = rates(1, 60.0)
    assert limit.charge("a", 1, now=0.0) == 0
    assert limit.charge("b", 1, now=0.0) == 0
    assert limit.charge("a", 1, now=0.0) == 60


def test_more_at_once_than_may_ever_be_asked_waits_for_all_its_credit():
    limit = rates(5, 60.0)
    assert limit.charge("a", 16, now=0.0) == 0
    assert limit.charge("a", 1, now=0.0) == 12


def test_who_share_memory_share_the_count():
    numbers = bytearray(16 * SLOTS)
    first, second = rates(2, 60.0, numbers), rates(2, 60.0, numbers)
    assert [first.charge("a", 1, now=5.0), second.charge("a", 1, now=5.0), first.charge("a", 1, now=5.0)] == [0, 0, 30]


def test_a_crowd_of_addresses_fills_no_memory_and_does_not_free_one_who_owes():
    numbers = bytearray(16 * SLOTS)
    limit = rates(10, 3600.0, numbers)
    for _ in range(10):
        limit.charge("greedy", 1, now=0.0)
    for n in range(3 * SLOTS // 2):
        limit.charge(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1, now=0.0)
    assert len(numbers) == 16 * SLOTS
    assert limit.charge("greedy", 1, now=0.0) == 360


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("198.51.100.7", [], 0, "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], 0, "198.51.100.7"),  # nobody was told to believe it
        ("10.0.0.1", ["203.0.113.9"], 1, "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], 1, "203.0.113.9"),  # the first was written by the visitor
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9"], 1, "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9, 10.0.0.2"], 2, "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9"], 2, "10.0.0.1"),  # a hop is missing: not our proxies
        ("10.0.0.1", ["", " "], 1, "10.0.0.1"),
        ("10.0.0.1", ["evil"], 1, "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], 1, "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], 0, "2001:db8:1:2::/64"),  # a customer has a whole /64
        ("::ffff:198.51.100.7", [], 0, "198.51.100.7"),
        ("fe80::1%eth0", [], 0, "fe80::/64"),
        ("[", ["["], 1, "unknown"),
        (None, [], 1, "unknown"),
        ("testclient", [], 0, "unknown"),
    ],
)
def test_whom_a_request_is_counted_to(peer, forwarded, proxies, address):
    assert address_of(peer, forwarded, proxies) == address


def test_one_address_too_many_is_told_when_to_come_back_and_others_are_served():
    app = create_app(Model(tiny_model_bytes()), Terms(rates=Rates(2, 60.0), proxies=1))
    files = {"file": ("a.png", picture_bytes(RED))}

    def ask(address):
        return TestClient(app).post("/upload", files=files, headers={"X-Forwarded-For": f"6.6.6.6, {address}"})

    assert [ask("203.0.113.9").status_code for _ in range(3)] == [200, 200, 429]
    refused = ask("203.0.113.9")
    assert int(refused.headers["Retry-After"]) in (29, 30)
    assert refused.json()["error"].endswith(f"Try again in {refused.headers['Retry-After']} seconds.")
    assert ask("203.0.113.10").status_code == 200
    assert TestClient(app).get("/", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    told = TestClient(app).get("/openapi.json").json()["paths"]["/upload"]["post"]["responses"]
    assert "Retry-After" in told["429"]["headers"]
