import base64
import gzip
import hashlib
import json
import re

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.web.runtime import Runtime
from fieldmark.web.site import build
from support.tiny_model import tiny_model_bytes

RUNTIME = Runtime(
    "1.2.3",
    {
        "ort.wasm.min.js": b"export {}",
        "ort-wasm-simd-threaded.js": b"export default 1",
        "ort-wasm-simd-threaded.wasm": b"\0asm" * 100,
    },
)


def site_of(model: bytes, runtime: Runtime = RUNTIME):
    return build(model, Model(model).info, runtime)


@pytest.fixture
def site():
    return site_of(tiny_model_bytes())


def kept(site):
    text = site.files["sw.js"].decode()
    return json.loads(text.partition("const SITE = ")[2].partition(";\n")[0])


def test_the_same_model_gives_the_same_bytes_and_anything_else_another_version(site):
    other_runtime = Runtime("1.2.4", {**RUNTIME.files, "ort.wasm.min.js": b"export { }"})
    others = [
        site_of(tiny_model_bytes(("asp", "boa"))),
        site_of(tiny_model_bytes(threshold=0.4)),
        site_of(tiny_model_bytes(cost=["coral->king=5"])),
        site_of(tiny_model_bytes(metrics={"accuracy": 0.9, "n_valid": 10})),
        site_of(tiny_model_bytes(), other_runtime),
    ]

    assert site_of(tiny_model_bytes()) == site
    assert len({site.version, *(other.version for other in others)}) == 6


def test_everything_that_is_loaded_lies_under_the_version(site):
    outside = {name for name in site.files if not name.startswith(f"{site.version}/")}

    assert re.fullmatch("v[0-9a-f]{12}", site.version)
    assert outside - {"LICENCES.txt", "ThirdPartyNotices.txt"} == {"index.html", "sw.js"}
    assert list(site.files)[-2:] == ["sw.js", "index.html"]  # what names the others is written last


def test_what_the_page_names_is_there_and_nothing_stands_inline(site):
    page = site.files["index.html"].decode()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(named) >= 6
    assert [name for name in named if name not in site.files] == []
    assert "<style" not in page and "style=" not in page and not re.search(r"\son\w+=", page)
    assert all(script.strip() == "" for script in re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL))


def test_no_file_of_ours_names_another_host(site):
    ours = {name: text for name, text in site.files.items() if name.endswith((".js", ".html", ".css", ".json"))}
    for name, text in ours.items():
        found = re.findall(rb"(?:https?|wss?):?//[\w.-]+", text)
        assert set(found) <= {b"https://example.org"}, name  # in a sentence that says what an address looks like


def test_scripts_that_import_each_other_are_there(site):
    for name, text in site.files.items():
        if name.endswith(".js"):
            for wanted in re.findall(r'(?:from|import\() ?"\./([^"]+)"', text.decode()):
                assert f"{site.version}/{wanted}" in site.files, (name, wanted)


def test_the_policy_comes_before_anything_it_is_to_rule_over_and_lets_nobody_else_in(site):
    page = site.files["index.html"].decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))

    assert page.index("Content-Security-Policy") < min(page.index("<link"), page.index("<script"))
    assert rules.pop("default-src") == "'none'"
    assert {source for sources in rules.values() for source in sources.split()} == {
        *("'self'", "'none'", "blob:", "'wasm-unsafe-eval'")
    }
    assert rules["connect-src"] == "'self'" and rules["script-src"] == "'self' 'wasm-unsafe-eval'"


def test_every_kept_file_has_its_hash_packed_ones_both(site):
    listed = kept(site)

    assert listed["version"] == site.version
    assert set(listed["files"]) == {"index.html", *(name for name in site.files if name.startswith("v"))}
    for name, integrity in listed["files"].items():
        if name == "index.html":
            continue
        forms = [site.files[name]] + ([gzip.decompress(site.files[name])] if name.endswith(".gz") else [])
        expected = [f"sha256-{base64.b64encode(hashlib.sha256(form).digest()).decode()}" for form in forms]
        assert integrity.split() == expected, name


def test_the_model_is_the_very_file_and_what_is_said_of_it_is_what_it_says():
    model = tiny_model_bytes(threshold=0.25, cost=["coral->king=7"])
    site = site_of(model)
    about = json.loads(site.files[f"{site.version}/model.json"])

    assert gzip.decompress(site.files[f"{site.version}/model.onnx.gz"]) == model
    assert about["classes"] == ["coral", "king"] and about["threshold"] == 0.25
    assert about["costs"] == Model(model).info.costs.to_dict()
    assert about["model"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert about["packed"] == {
        name: len(site.files[f"{site.version}/{name}"]) for name in ("model.onnx.gz", "ort-wasm-simd-threaded.wasm.gz")
    }


def test_names_of_classes_are_only_ever_text():
    site = site_of(tiny_model_bytes(classes=('"><img src=x onerror=alert(1)>', "king")))
    page = site.files["index.html"].decode()

    assert "<img src=x" not in page and "&lt;img src=x" in page
    assert json.loads(site.files[f"{site.version}/manifest.json"])["short_name"] == "Fieldmark"


def test_licences_go_along(site):
    text = site.files["LICENCES.txt"].decode()

    assert "ONNX Runtime Web 1.2.3" in text and "MIT License" in text and "Apache License 2.0" in text
    assert len(site.files["ThirdPartyNotices.txt"]) > 100_000


def test_the_page_of_the_default_backbone_stays_below_twenty_megabytes(tiny_model_file, web_runtime):
    site = site_of(tiny_model_file.read_bytes(), web_runtime)
    sizes = sorted(((len(content), name) for name, content in site.files.items()), reverse=True)

    assert sum(size for size, _ in sizes) < 20_000_000, sizes[:5]
    assert sizes[0][1].endswith("model.onnx.gz") and sizes[0][0] > 5_000_000
