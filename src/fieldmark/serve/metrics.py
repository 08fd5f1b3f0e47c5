"""The shared table of figures -> the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.responses import Response

from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.serve.refusals import REASONS
from fieldmark.serve.tally import BUCKETS, MOST_CLASSES, ROUTES, STAGES, STATUSES, Tally

if TYPE_CHECKING:
    from prometheus_client.core import Metric

METRICS = {
    "fieldmark_requests_total": "Requests answered.",
    "fieldmark_request_seconds": "Seconds from the head of a request to the last byte of its answer.",
    "fieldmark_stage_seconds": "Seconds of a picture by stage: read, wait for a thread, look.",
    "fieldmark_refusals_total": "Requests and connections sent away, by reason.",
    "fieldmark_predictions_total": "Pictures answered about, by likeliest class.",
    "fieldmark_unknown_total": "Pictures that were probably none of the classes.",
    "fieldmark_unknown_share": "Of all pictures answered about, the part that were probably none.",
    "fieldmark_in_flight": "Requests in hand.",
    "fieldmark_queue_length": "Pictures that wait for a thread.",
    "fieldmark_looking": "Pictures being looked at.",
    "fieldmark_fetching": "URLs being fetched.",
    "fieldmark_held_bytes": "Bytes of pictures in hand.",
    "fieldmark_connections": "Open connections.",
    "fieldmark_workers": "Processes that answer.",
    "fieldmark_workers_ended_total": "Processes that ended before their time and were replaced.",
    "fieldmark_model_info": "Which model answers.",
}
"""Name -> what it is, as they stand in the answer. Counts are those of all workers since the server began."""

_GAUGES = {
    "fieldmark_in_flight": "in_flight",
    "fieldmark_queue_length": "queued",
    "fieldmark_looking": "looking",
    "fieldmark_fetching": "fetching",
    "fieldmark_held_bytes": "held_bytes",
    "fieldmark_connections": "connections",
    "fieldmark_workers": "workers",
}


class Metrics:
    """What `GET /metrics` answers. A collector of prometheus-client, which is loaded when first asked."""

    def __init__(self, tally: Tally, info: ModelInfo, digest: str) -> None:
        self._tally = tally
        self._info = info
        self._digest = digest

    def response(self) -> Response:
        """Return the figures in the text format that Prometheus reads."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        registry = CollectorRegistry()
        registry.register(self)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that has something to say."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        yield self._counter("fieldmark_requests", ("route", "status"), self._requests())
        yield self._histogram("fieldmark_request_seconds", "route", {route: f"request{route}" for route in ROUTES})
        yield self._histogram("fieldmark_stage_seconds", "stage", {stage: stage for stage in STAGES})
        refusals = (((reason,), self._tally.total("refusals", reason)) for reason in REASONS)
        yield self._counter("fieldmark_refusals", ("reason",), refusals)
        predictions = dict(self._predictions())
        yield self._counter("fieldmark_predictions", ("class",), predictions.items())
        unknown, answered = self._tally.total("unknown"), sum(predictions.values())
        yield CounterMetricFamily("fieldmark_unknown", METRICS["fieldmark_unknown_total"], unknown)
        if answered:
            name = "fieldmark_unknown_share"
            yield GaugeMetricFamily(name, METRICS[name], unknown / answered)
        for name, gauge in _GAUGES.items():
            yield GaugeMetricFamily(name, METRICS[name], self._tally.total("gauge", gauge))
        name = "fieldmark_workers_ended"
        yield CounterMetricFamily(name, METRICS[f"{name}_total"], self._tally.total("ended"))
        info = {"backbone": self._info.backbone, "version": self._info.version, "sha256": self._digest}
        yield InfoMetricFamily("fieldmark_model", METRICS["fieldmark_model_info"], info)

    def _requests(self) -> Iterator[tuple[tuple[str, str], float]]:
        for route in ROUTES:
            for status in STATUSES:
                yield (route, status), self._tally.total("requests", route, status)

    def _predictions(self) -> Iterator[tuple[tuple[str], float]]:
        named = self._info.classes[:MOST_CLASSES]
        for place, name in enumerate(named):
            yield (name,), self._tally.total("classes", str(place))
        if len(self._info.classes) > len(named):
            yield ("(the others)",), self._tally.total("classes", str(MOST_CLASSES))

    @staticmethod
    def _counter(name: str, labels: tuple[str, ...], values: object) -> Metric:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(name, METRICS[f"{name}_total"], labels=labels)
        for label, value in values:  # type: ignore[attr-defined]
            if value:
                family.add_metric(label, value)
        return family

    def _histogram(self, name: str, label: str, columns: dict[str, str]) -> Metric:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(name, METRICS[name], labels=(label,))
        for value, column in columns.items():
            count, buckets = 0.0, []
            for bucket in (*(str(bucket) for bucket in BUCKETS), "+Inf"):
                count += self._tally.total(column, bucket)
                buckets.append((bucket, count))
            if count:
                family.add_metric((value,), buckets, self._tally.total(column, "sum"))
        return family
