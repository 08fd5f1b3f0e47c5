"""A model and its limits -> the OpenAPI description of the server, from which `/docs` is made too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fieldmark.artifacts.modelfile import Model, ModelInfo
from fieldmark.serve.body import LONGEST_NAME
from fieldmark.serve.limits import MIB, Limits
from fieldmark.version import __version__

Json = dict[str, Any]


def describe(model: Model, limits: Limits, has_key: bool = False, has_rate: bool = False) -> Json:
    """Return the OpenAPI 3.1 document of a server with this model.

    Args:
        model: what answers.
        limits: what it takes on.
        has_key: whether requests must bring a key.
        has_rate: whether an address may ask only so often.
    """
    info = model.info
    asking = _Refusals(limits, has_key, has_rate)
    told: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Fieldmark",
            "version": __version__,
            "description": f"Names the likeliest of {len(info.classes)} classes in a photo: {', '.join(info.classes)}. "
            "Every error is JSON with one sentence: what happened and what to do.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/upload": {"post": _upload(limits, asking)},
            "/batch": {"post": _batch(limits, asking)},
            "/classify-url": {"post": _classify_url(limits, asking)},
            "/": {"get": _get("page", "A page to drop or take a photo.", "text/html", asking)},
            "/healthz": {"get": _get("healthz", "Whether the server is up.", "application/json", None)},
            "/metrics": {"get": _get("metrics", "Figures for Prometheus.", "text/plain", asking)},
            "/openapi.json": {"get": _get("openapi", "This description.", "application/json", asking)},
            "/docs": {"get": _get("docs", "This description, to read.", "text/html", asking)},
        },
        "components": {
            "schemas": {
                "Answer": _answer(model),
                "Answers": _answers(),
                "OneOfSeveral": _one_of_several(info),
                "Refusal": _refusal(),
                "Model": _model(),
            }
        },
    }
    if has_key:
        told["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer"},
            "password": {"type": "http", "scheme": "basic", "description": "Any name, the key as password."},
        }
        told["security"] = [{"key": []}, {"password": []}]
        told["paths"]["/healthz"]["get"]["security"] = []
    return told


def _upload(limits: Limits, asking: _Refusals) -> Json:
    megapixels = limits.upload_pixels // 1_000_000
    return {
        "operationId": "upload",
        "summary": "Classify a picture that you send.",
        "description": "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or JPEG 2000, judged by content and not by name. "
        f"At most {limits.upload_bytes // MIB} MiB and {megapixels} million pixels.",
        "requestBody": _request(
            "multipart/form-data",
            {
                "file": {"type": "string", "format": "binary", "description": "The picture."},
                "thumbnail": {"type": "string", "description": "Any value: send back a small JPEG of it."},
            },
            required="file",
        ),
        "responses": asking.responses(
            "Answer",
            {
                400: "Not a picture, or not a whole one.",
                413: f"Larger than {limits.upload_bytes // MIB} MiB or {megapixels} million pixels.",
                415: "No file in the request.",
            },
        ),
    }


def _batch(limits: Limits, asking: _Refusals) -> Json:
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "maxItems": limits.batch,
        "description": "The pictures: the field comes once for each.",
    }
    return {
        "operationId": "batch",
        "summary": "Classify several pictures that you send.",
        "description": f"At most {limits.batch}, and {limits.batch_bytes // MIB} MiB together. Each is answered or "
        "refused by itself, in the order in which they came; for each the limits of /upload hold.",
        "requestBody": _request("multipart/form-data", {"file": files}, required="file"),
        "responses": asking.responses(
            "Answers",
            {
                400: "A form that is damaged or breaks off.",
                413: f"More than {limits.batch} files, or {limits.batch_bytes // MIB} MiB together.",
                415: "No file in the request.",
            },
        ),
    }


def _classify_url(limits: Limits, asking: _Refusals) -> Json:
    return {
        "operationId": "classify_url",
        "summary": "Classify a picture on the public web.",
        "description": "We fetch it within "
        f"{limits.fetch_seconds:g} seconds, over http or https, from public addresses only.",
        "requestBody": _request(
            "application/json",
            {
                "url": {"type": "string", "format": "uri", "description": "Where the picture is."},
                "thumbnail": {"type": "boolean", "description": "Send back a small JPEG of it."},
            },
            required="url",
        ),
        "responses": asking.responses(
            "Answer",
            {
                400: "What the URL gave is not a picture, or not a whole one.",
                413: f"More than {limits.upload_pixels // 1_000_000} million pixels, or a request over "
                f"{limits.form_bytes // 1024} KiB.",
                422: "Not JSON, no url, or a URL we will not or cannot fetch.",
            },
        ),
    }


def _request(media_type: str, properties: Json, required: str) -> Json:
    schema = {"type": "object", "required": [required], "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema}}}


@dataclass(frozen=True)
class _Refusals:
    """What a request may hear that has nothing to do with what it is about."""

    limits: Limits
    has_key: bool
    has_rate: bool

    def responses(self, schema: str, refusals: dict[int, str]) -> Json:
        """Return the responses of a path that answers about pictures."""
        every = {**refusals, **self.at_the_door()}
        every[408] = f"Took longer than {self.limits.upload_seconds:g} seconds to arrive, or came in a trickle."
        every[503] = "Too busy; Retry-After says in how many seconds to try again."
        if self.has_rate:
            every[429] = "More than one address may ask; Retry-After says in how many seconds to try again."
        answer = {"description": "The answer.", **_json(_ref(schema)), "headers": _ID}
        return {"200": answer, **{str(status): _refused(every[status], status) for status in sorted(every)}}

    def at_the_door(self) -> dict[int, str]:
        """Return what anybody may hear, whatever the path."""
        keyless = {401: "No key, or another one."} if self.has_key else {}
        return {**keyless, 421: "A host name that is not one of this server's."}


_ID = {"X-Request-ID": {"description": "By which the server's log knows the request.", "schema": {"type": "string"}}}


def _refused(text: str, status: int) -> Json:
    later = {"description": "Seconds.", "schema": {"type": "integer"}}
    headers = {**_ID, **({"Retry-After": later} if status in (429, 503) else {})}
    return {"description": text, **_json(_ref("Refusal")), "headers": headers}


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _get(name: str, summary: str, media_type: str, refusals: _Refusals | None) -> Json:
    responses: Json = {"200": {"description": summary, "content": {media_type: {}}, "headers": _ID}}
    if refusals is not None:
        responses |= {str(status): _refused(text, status) for status, text in refusals.at_the_door().items()}
    return {"operationId": name, "summary": summary, "responses": responses}


def _answer(model: Model) -> Json:
    return {
        "type": "object",
        "examples": [_example(model)],
        "required": ["predictions", "unknown", "unknown_score", "threshold", "model"],
        "properties": {
            **_said(model.info),
            **_by_whom(),
            "thumbnail": {"type": "string", "description": "A small JPEG as a data: URI, when asked for."},
        },
    }


def _said(info: ModelInfo) -> Json:
    """What is said of one picture."""
    pair = {
        "type": "array",
        "prefixItems": [{"type": "string", "enum": list(info.classes)}, {"type": "number", "minimum": 0, "maximum": 1}],
    }
    return {
        "predictions": {
            "type": "array",
            "items": pair,
            "description": "Every class with its probability, best first.",
        },
        "unknown": {
            "type": "boolean",
            "description": "Probably none of the classes: unknown_score is above threshold.",
        },
        "unknown_score": {"type": "number", "description": "Higher: less like the photos of any class."},
        **({} if info.costs is None else _decision()),
    }


def _by_whom() -> Json:
    """What every reply says of the model."""
    return {
        "threshold": {
            "type": ["number", "null"],
            "description": "The unknown_score above which a photo is unknown; null: none is.",
        },
        "model": {**_ref("Model"), "description": "Which model answered."},
    }


def _answers() -> Json:
    each = {"type": "array", "items": _ref("OneOfSeveral"), "description": "One for each picture, in their order."}
    return {
        "type": "object",
        "required": ["answers", "threshold", "model"],
        "properties": {"answers": each, **_by_whom()},
    }


def _one_of_several(info: ModelInfo) -> Json:
    which = {
        "index": {"type": "integer", "minimum": 0, "description": "Its place in the request."},
        "name": {
            "type": "string",
            "description": f"The file's name as it was sent, at most {LONGEST_NAME} characters.",
        },
    }
    why = {
        "error": {"type": "string", "description": "Why there is no answer about this one."},
        "status": {"type": "integer", "description": "What /upload would have answered with."},
    }
    return {
        "type": "object",
        "required": [*which],
        "properties": {**which, **_said(info), **why},
        "oneOf": [{"required": ["predictions", "unknown", "unknown_score"]}, {"required": [*why]}],
    }


def _decision() -> Json:
    """What an answer has besides when mistakes have costs."""
    return {
        "decision": {"type": "string", "description": "What costs least: a class, `unknown` or `expert`."},
        "expected_cost": {"type": "number", "description": "Of that decision on average, in common mistakes."},
        "advice": {
            "type": ["string", "null"],
            "description": "What to do, where that is not the likeliest class; else null.",
        },
    }


def _example(model: Model) -> Json:
    """An answer of the right shape; the figures are made up."""
    info = model.info
    likeliest, *others = info.classes
    best = 0.98 if others else 1.0
    return {
        "predictions": [[likeliest, best], *([name, round((1 - best) / len(others), 6)] for name in others)],
        "unknown": False,
        "unknown_score": round(1 - best, 6),
        "threshold": info.threshold,
        "model": info.about(model.digest),
    }


def _model() -> Json:
    return {
        "type": "object",
        "properties": {
            "classes": {"type": "array", "items": {"type": "string"}, "description": "What it can answer."},
            "backbone": {"type": "string", "description": "The pretrained network it grew from."},
            "version": {"type": "string", "description": "The Fieldmark that wrote the file."},
            "schema": {"type": "integer", "description": "The form of the file's metadata."},
            "sha256": {
                "type": "string",
                "description": "The first 16 hex digits of the file's hash: which file it is.",
            },
        },
    }


def _refusal() -> Json:
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string", "description": "What happened and what to do."},
            "request_id": {"type": "string", "description": "By which the server's log knows the request."},
        },
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
