import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from fieldmark import backbones
from fieldmark.classifier import Fit, fit_pixels
from fieldmark.errors import BackboneError
from fieldmark.imaging.decode import as_pixels


@pytest.mark.parametrize("name", list(backbones.PACKAGED))
def test_packaged_weights_fill_the_whole_network(name):
    backbone = backbones.pretrained(name)
    random = backbones.create(name).network.state_dict()

    own = backbone.network.state_dict()
    assert backbone.features == 1280
    assert not any(torch.equal(own[key], random[key]) for key in own if key.endswith("conv_stem.weight"))
    assert backbone.network(torch.zeros(1, 3, 64, 64)).shape == (1, 1280)


@pytest.mark.photos
def test_lite0_names_the_imagenet_photos_it_was_trained_on(real_photos):
    synsets = timm.data.ImageNetInfo("imagenet-1k").label_names()
    network = backbones.imagenet_classifier("efficientnet_lite0")
    fit = Fit(256, "crop")
    paths = sorted((real_photos / "offtopic").iterdir())
    right = 0
    with torch.inference_mode():
        for path in paths:
            pixels = torch.from_numpy(fit_pixels(as_pixels(path), fit)).float()
            top = int(network(((pixels - 127) / 128).unsqueeze(0)).argmax())
            right += synsets[top] == re.match(r"n\d+", path.name)[0]

    assert len(paths) == 200 and right >= 170  # wired wrong, one in a thousand


def test_layer_groups_hold_every_parameter_once_and_in_order():
    network = backbones.create("efficientnet_lite0").network
    groups = backbones.layer_groups(network)

    flat = [parameter for group in groups for parameter in group]
    assert len(groups) == 8
    assert [id(p) for p in flat] == [id(p) for p in network.parameters()]


def test_a_network_of_any_name_can_be_built():
    backbone = backbones.create("mobilenetv3_small_050")

    assert backbone.network(torch.zeros(1, 3, 64, 64)).shape == (1, backbone.features)


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(BackboneError, match="Did you mean resnet34"):
        backbones.pretrained("reznet34")


def test_a_network_of_fixed_size_names_its_size():
    with pytest.raises(BackboneError, match="--size 224"):
        backbones.check_size("vit_tiny_patch16_224", 299)
    backbones.check_size("vit_tiny_patch16_224", 224)
    backbones.check_size("resnet34", 299)


def test_weights_from_a_file_are_loaded(tmp_path):
    source = timm.create_model("resnet10t", pretrained=False)
    save_file(source.state_dict(), tmp_path / "own.safetensors")

    loaded = backbones.pretrained("resnet10t", tmp_path / "own.safetensors").network

    photos = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        own = source.eval().forward_head(source.forward_features(photos), pre_logits=True)
        assert torch.allclose(loaded.eval()(photos), own, atol=1e-5)


def test_weights_of_another_shape_are_refused(tmp_path):
    state = timm.create_model("resnet10t", pretrained=False).state_dict()
    state["conv1.0.weight"] = torch.zeros(3, 3, 3, 3)
    save_file(state, tmp_path / "own.safetensors")

    with pytest.raises(BackboneError, match=r"does not fit resnet10t: conv1\.0\.weight is \[3, 3, 3, 3\] there"):
        backbones.pretrained("resnet10t", tmp_path / "own.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
    save_file(timm.create_model("mobilenetv3_small_050", pretrained=False).state_dict(), tmp_path / "other.safetensors")

    with pytest.raises(BackboneError, match="does not fit resnet10t: it has no tensor"):
        backbones.pretrained("resnet10t", tmp_path / "other.safetensors")


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 100])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)

    with pytest.raises(BackboneError, match="not a safetensors file"):
        backbones.pretrained("resnet10t", tmp_path / "bad.safetensors")


def test_a_weights_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BackboneError, match="no weights file"):
        backbones.pretrained("resnet10t", tmp_path / "none.safetensors")


class Hub(BaseHTTPRequestHandler):
    """Answers as the model hub does for the one file we ask it for."""

    files: dict[str, bytes]
    asked: list[str]

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        if self.path != "/":
            self.asked.append(f"{self.command} {self.path}")
        data = self.files.get(self.path)
        self.send_response(200 if data is not None or self.path == "/" else 404)
        self.send_header("ETag", '"0123456789abcdef"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if body and data:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path):
    network = timm.create_model("resnet34", pretrained=False)
    # Norms that change nothing, so that the weights that come out are the very ones that went in.
    for norm in (own for own in network.modules() if isinstance(own, torch.nn.BatchNorm2d)):
        norm.running_var.fill_(1 - norm.eps)
    save_file(network.state_dict(), tmp_path / "hub.safetensors")
    Hub.files = {"/timm/resnet34.a1_in1k/resolve/main/model.safetensors": (tmp_path / "hub.safetensors").read_bytes()}
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", network
    server.shutdown()
    server.server_close()


def in_own_process(code: str, **environment: str) -> subprocess.CompletedProcess:
    # The hub's client reads its settings when it is imported, so each case has a process of its own.
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


LOAD = """
import json
from fieldmark import backbones
network = backbones.pretrained("resnet34").network
print(json.dumps(float(network.state_dict()["conv1.weight"].double().sum())))
"""


@pytest.mark.long
def test_hub_weights_are_fetched_once_as_safetensors_and_then_kept(hub, tmp_path):
    endpoint, network = hub
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hub")}

    done = in_own_process(LOAD, **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pytest.approx(float(network.state_dict()["conv1.weight"].double().sum()))
    assert any(line == "GET /timm/resnet34.a1_in1k/resolve/main/model.safetensors" for line in Hub.asked), Hub.asked
    assert not any(line.endswith((".bin", ".pth", ".pt")) for line in Hub.asked)  # never a pickle

    Hub.asked.clear()
    assert in_own_process(LOAD, **environment).returncode == 0
    assert not any(line.startswith("GET") for line in Hub.asked)


@pytest.mark.long
def test_hub_weights_that_are_not_there_are_explained(hub, tmp_path):
    endpoint, _ = hub
    Hub.files = {}

    done = in_own_process(LOAD, HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path / "hub"))

    assert "BackboneError" in done.stderr and "could not be had from" in done.stderr


@pytest.mark.long
def test_without_a_network_the_sentence_comes_within_ten_seconds(tmp_path, flat_folder):
    # 192.0.2.0/24 is set aside for documentation: no machine has such an address, and packets to it go nowhere.
    environment = {**os.environ, "HF_ENDPOINT": "http://192.0.2.1:9", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "fieldmark", "train", str(flat_folder), "--backbone", "resnet34"]
    subprocess.run([sys.executable, "-c", "import torch, timm"], check=True)  # read from the disk beforehand

    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    seconds = time.monotonic() - start

    assert done.returncode == 1 and seconds < 30  # the wait for the hub itself is 3 s; a busy machine imports slowly
    assert "does not answer" in done.stderr and "--weights" in done.stderr and "Traceback" not in done.stderr
    assert not (Path(flat_folder) / ".fieldmark").exists()
