import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.metrics import METRICS
from fieldmark.serve.tally import Tally
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes


@pytest.fixture
def client():
    return TestClient(create_app(Model(tiny_model_bytes(threshold=0.3))))


def upload(client, colour):
    return client.post("/upload", files={"file": ("a.png", picture_bytes(colour))})


def values(client):
    """Every sample by its name and labels, as an independent reader of the format has it."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_was_answered_and_refused_is_counted_by_class_and_reason(client):
    for colour in (RED, RED, BLUE, (90, 90, 90)):
        upload(client, colour)
    client.post("/upload", files={"file": ("a.png", b"no picture")})
    client.post("/classify-url", json={"url": "http://127.0.0.1/"})
    client.get("/nothing")
    told = values(client)
    assert told["fieldmark_predictions_total|king"] == 1
    assert told["fieldmark_predictions_total|coral"] == 3
    assert told["fieldmark_unknown_total"] == 1
    assert told["fieldmark_unknown_share"] == 0.25
    for reason in ("not_a_picture", "refused_url", "no_such_path"):
        assert told[f"fieldmark_refusals_total|{reason}"] == 1
    assert told["fieldmark_request_seconds_count|/upload"] == 5
    assert told["fieldmark_stage_seconds_count|look"] == 4
    assert told["fieldmark_request_seconds_sum|/upload"] > 0


def test_histograms_grow_from_bucket_to_bucket_up_to_their_count(client):
    upload(client, RED)
    text = client.get("/metrics").text
    buckets = [
        float(value)
        for value in re.findall(r'fieldmark_request_seconds_bucket\{le="[^"]+",route="/upload"\} (.*)', text)
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1


def test_the_share_of_unknown_is_not_told_before_there_is_one(client):
    assert "fieldmark_unknown_share" not in values(client)


def test_every_metric_that_is_described_is_told_and_no_other(client):
    upload(client, RED)
    client.get("/nothing")
    told = {re.sub(r"_(bucket|sum|count)$", "", name.partition("|")[0]) for name in values(client)}
    assert told == set(METRICS)


def test_which_model_answers_is_told(client):
    digest = client.get("/healthz").json()["model"]["sha256"]
    assert (
        f'fieldmark_model_info{{backbone="mean_colour",sha256="{digest}",version="0.0.0"}} 1.0'
        in client.get("/metrics").text
    )


def test_strangers_cannot_make_series(client):
    upload(client, RED)
    before = len(values(client))
    for n in range(50):
        client.get(f"/{n}", headers={"X-Request-ID": f"id-{n}", "Host": f"h{n}.example", "User-Agent": f"a{n}"})
        client.request(f"M{n}", "/upload")
    once = len(values(client))
    for n in range(50, 100):
        client.get(f"/{n}?q={n}")
    assert len(values(client)) == once
    assert once < before + 60  # paths we do not know share one route


def test_a_model_of_many_classes_makes_a_hundred_series_and_one():
    tally = Tally()
    names = tuple(f"class {n}" for n in range(300))
    client = TestClient(create_app(Model(tiny_model_bytes(names)), Terms(tally=tally)))
    for place in range(300):
        tally.answered(place, unknown=False)
    told = {name: value for name, value in values(client).items() if name.startswith("fieldmark_predictions_total")}
    assert len(told) == 101
    assert told["fieldmark_predictions_total|(the others)"] == 200
