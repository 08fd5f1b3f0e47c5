"""SIGKILL at random moments between and within requests: what was answered is there, and no act is there by half."""

import random
import threading
import time
import uuid

import httpx2
import pytest

from curate.desks import Process, Visitor, ids_of, paint
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.verdicts import rows
from fieldmark.artifacts.workspace import Workspace

KILLS = 100
EACH = 5  # verdicts of one act


def type_until_killed(visitor, ids, chance, answered, asked):
    """Decide as fast as answers come, until there is no answer."""
    client = httpx2.Client(headers={"X-Fieldmark-Token": visitor.token}, trust_env=False, verify=False, timeout=10)
    while True:
        act = str(uuid.uuid4())
        verdicts = [{"photo": id_, "kind": "reject", "value": act} for id_ in chance.sample(ids, EACH)]
        asked.add(act)
        try:
            answer = client.post(f"{visitor.url}/api/acts", json={"act": act, "verdicts": verdicts})
        except httpx2.HTTPError:
            client.close()
            return
        assert answer.status_code == 200
        answered.add(act)


@pytest.mark.long
def test_every_answered_verdict_survives_100_kills(tmp_path):
    root = paint(tmp_path / "snakes", each=10, size=16)
    ids, chance = sorted(ids_of(root).values()), random.Random(4)
    answered, asked = set(), set()
    for _ in range(KILLS):
        server = Process(root)
        visitor = Visitor(server.url)
        typing = threading.Thread(target=type_until_killed, args=(visitor, ids, chance, answered, asked))
        n_asked, n_answered = len(asked) + 1, len(answered) + chance.choice((0, 1, 2))
        typing.start()
        while len(asked) < n_asked or len(answered) < n_answered:
            assert typing.is_alive()
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))  # a request takes 10 to 30 ms here: some are killed on their way
        server.kill()
        typing.join()
    with Catalog.open_reading(Workspace.open(root).journal) as catalog:
        kept = rows(catalog)
    counts = {}
    for row in kept:
        counts[row.act] = counts.get(row.act, 0) + 1
    assert set(counts.values()) == {EACH}
    assert answered <= counts.keys() <= asked
    assert len(asked) >= KILLS


def test_an_act_that_is_sent_again_after_a_kill_counts_once(tmp_path):
    root = paint(tmp_path / "snakes", each=3, size=16)
    photo = next(iter(ids_of(root).values()))
    server = Process(root)
    body = {"act": str(uuid.uuid4()), "verdicts": [{"photo": photo, "kind": "reject", "value": ""}]}
    assert Visitor(server.url).send("/api/acts", json=body).status_code == 200
    server.kill()
    again = Process(root, server.port)
    assert again.url == server.url
    answer = Visitor(again.url).send("/api/acts", json=body).json()
    again.kill()
    assert (answer["last"], list(answer["decisions"])) == (1, [photo])
