"""A model and its limits -> the OpenAPI description of the server, from which `/docs` is made too."""

from __future__ import annotations

from typing import Any

from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.imaging.decode import MAX_PIXELS
from fieldmark.serve.answers import describe_model
from fieldmark.serve.limits import MIB, Limits
from fieldmark.version import __version__

Json = dict[str, Any]


def describe(info: ModelInfo, limits: Limits) -> Json:
    """Return the OpenAPI 3.1 document of a server with this model."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fieldmark",
            "version": __version__,
            "description": f"Names the likeliest of {len(info.classes)} classes in a photo: {', '.join(info.classes)}. "
            "Every error is JSON with one sentence: what happened and what to do.",
        },
        "paths": {
            "/upload": {"post": _upload(limits)},
            "/classify-url": {"post": _classify_url(limits)},
            "/": {"get": _get("A page to drop or take a photo.", "text/html")},
            "/healthz": {"get": _get("Whether the server is up, and with which model.", "application/json")},
            "/metrics": {"get": _get("Figures for Prometheus.", "text/plain")},
            "/openapi.json": {"get": _get("This description.", "application/json")},
            "/docs": {"get": _get("This description, to read.", "text/html")},
        },
        "components": {"schemas": {"Answer": _answer(info), "Refusal": _refusal(), "Model": _model()}},
    }


def _upload(limits: Limits) -> Json:
    megapixels = MAX_PIXELS // 1_000_000
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
        "responses": _responses(
            {
                400: "Not a picture, or not a whole one.",
                408: f"The upload took longer than {limits.upload_seconds:g} seconds.",
                413: f"Larger than {limits.upload_bytes // MIB} MiB or {megapixels} million pixels.",
                415: "No file in the request.",
            }
        ),
    }


def _classify_url(limits: Limits) -> Json:
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
        "responses": _responses(
            {
                400: "What the URL gave is not a picture, or not a whole one.",
                408: "The request took too long to arrive.",
                413: f"More than {MAX_PIXELS // 1_000_000} million pixels, or a request over "
                f"{limits.form_bytes // 1024} KiB.",
                422: "Not JSON, no url, or a URL we will not or cannot fetch.",
            }
        ),
    }


def _request(media_type: str, properties: Json, required: str) -> Json:
    schema = {"type": "object", "required": [required], "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _responses(refusals: dict[int, str]) -> Json:
    answer = {"description": "The answer.", "content": {"application/json": {"schema": _ref("Answer")}}}
    refusals = {**refusals, 503: "Too busy; Retry-After says in how many seconds to try again."}
    content = {"application/json": {"schema": _ref("Refusal")}}
    return {"200": answer} | {
        str(status): {"description": text, "content": content} for status, text in refusals.items()
    }


def _get(summary: str, media_type: str) -> Json:
    return {"summary": summary, "responses": {"200": {"description": summary, "content": {media_type: {}}}}}


def _answer(info: ModelInfo) -> Json:
    pair = {
        "type": "array",
        "prefixItems": [{"type": "string", "enum": list(info.classes)}, {"type": "number", "minimum": 0, "maximum": 1}],
    }
    return {
        "type": "object",
        "examples": [_example(info)],
        "required": ["predictions", "unknown", "unknown_score", "threshold", "model"],
        "properties": {
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
            "threshold": {
                "type": ["number", "null"],
                "description": "The unknown_score above which a photo is unknown; null: none is.",
            },
            "model": {**_ref("Model"), "description": "Which model answered."},
            **({} if info.costs is None else _decision()),
            "thumbnail": {"type": "string", "description": "A small JPEG as a data: URI, when asked for."},
        },
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


def _example(info: ModelInfo) -> Json:
    """An answer of the right shape; the figures are made up."""
    likeliest, *others = info.classes
    best = 0.98 if others else 1.0
    return {
        "predictions": [[likeliest, best], *([name, round((1 - best) / len(others), 6)] for name in others)],
        "unknown": False,
        "unknown_score": round(1 - best, 6),
        "threshold": info.threshold,
        "model": describe_model(info),
    }


def _model() -> Json:
    return {
        "type": "object",
        "properties": {
            "classes": {"type": "array", "items": {"type": "string"}, "description": "What it can answer."},
            "backbone": {"type": "string", "description": "The pretrained network it grew from."},
            "version": {"type": "string", "description": "The Fieldmark that wrote the file."},
            "schema": {"type": "integer", "description": "The form of the file's metadata."},
        },
    }


def _refusal() -> Json:
    return {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string", "description": "What happened and what to do."}},
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
