"""Which path a training takes on which processor, and that it says so."""

import itertools
import json
import os
import resource
import subprocess
import sys

import pytest
import torch

from fieldmark import device
from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.embed import embed
from fieldmark.training import learn as learning
from fieldmark.training.finetune import is_depthwise
from support.flat import TINY, paint_flat

FLAGS = ("--epochs", "1,1", "--size", "64", "--batch", "8", "--json")


@pytest.fixture(autouse=True)
def ask_anew():
    device.pick_processor.cache_clear()
    yield
    device.pick_processor.cache_clear()


@pytest.mark.parametrize(
    ("faster", "half", "said"),
    [
        (1.7, torch.bfloat16, "cpu, bfloat16 (faster than float32 on this processor, as measured)"),
        (1.1, None, "cpu, float32 (bfloat16 is hardly faster on this processor, as measured)"),
        (0.5, None, "cpu, float32 (bfloat16 is slower on this processor, as measured)"),
    ],
)
def test_half_precision_is_taken_where_it_was_measured_to_be_faster(monkeypatch, faster, half, said):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(device, "how_much_faster", lambda _: faster)

    picked = device.pick_processor()

    assert picked.half == half
    assert str(picked) == said


def test_it_is_not_measured_where_the_processor_has_none(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(device, "how_much_faster", lambda _: pytest.fail("it was measured"))

    assert str(device.pick_processor()) == "cpu, float32 (this processor has no bfloat16)"


@pytest.mark.parametrize(("halved", "trials"), [(0.5, 3), (2.0, 3), (1.1, 9)])
def test_what_is_plain_is_not_measured_for_long(monkeypatch, halved, trials):
    ends = itertools.cycle([0.0, 1.0, 0.0, halved])
    asked = []
    monkeypatch.setattr(device, "_clock", lambda: asked.append(next(ends)) or asked[-1])

    assert device.how_much_faster(torch.bfloat16) == 1 / halved
    assert len(asked) == 4 * trials


def run(command, **how):
    done = subprocess.run(command, capture_output=True, text=True, **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_a_processor_without_avx512_trains_and_says_which_path_it_took(flat_folder, tmp_path):
    command = [sys.executable, "-m", "fieldmark", "train", str(flat_folder), *FLAGS, "-o", str(tmp_path / "run")]
    command.remove("--json")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert done.returncode == 0, done.stderr

    path = "cpu, float32 (this processor has no bfloat16)"
    assert f"Works on {path}." in done.stdout
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["device"] == path


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


@pytest.mark.long
def test_256_open_files_and_64_mib_of_shared_memory_are_enough(flat_folder, tmp_path):
    train = [sys.executable, "-m", "fieldmark", "train", str(flat_folder), *FLAGS, "-o", str(tmp_path / "run")]
    small = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
    can = subprocess.run(["unshare", "--mount", "sh", "-c", small, "sh", "true"], capture_output=True).returncode == 0
    command = ["unshare", "--mount", "sh", "-c", small, "sh", *train] if can else train

    assert run(command, preexec_fn=few_files)["kept"]


def test_early_layers_and_depthwise_kernels_stay_and_the_rest_learns(tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 12, "blue": 12})
    settings = TrainSettings.of({**TINY, "lr": (1e-3, 1e-2)})
    photos = read_folder(folder)
    features = embed(Workspace.open(folder), photos.photos, folder, size=settings.size)
    with learning.gather(folder, photos.photos, (), photos.classes, settings, features, tmp_path) as material:
        learned = learning.learn(material, photos.photos, (), choose=False).classifier.backbone
    before = learning.build(settings, len(photos.classes), pretrained=True).backbone
    pairs = list(zip(learned.named_modules(), before.modules(), strict=True))
    convolutions = [(name, one, other) for (name, one), other in pairs if isinstance(one, torch.nn.Conv2d)]
    moved = {name for name, one, other in convolutions if not torch.equal(one.weight, other.weight)}
    depthwise = {name for name, one, _ in convolutions if is_depthwise(one)}

    assert len(depthwise) == 16 and not moved & depthwise
    assert moved == {
        *(f"blocks.5.{block}.{conv}" for block in (2, 3) for conv in ("conv_pw", "conv_pwl")),
        *("blocks.5.1.conv_pwl", "blocks.6.0.conv_pw", "blocks.6.0.conv_pwl", "conv_head"),
    }
    assert all(own.requires_grad for own in learned.parameters())
