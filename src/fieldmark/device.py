"""This machine -> where to train on it, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Device:
    """Where to train, and how.

    Attributes:
        place: cpu, cuda or mps.
        looking: half precision for a forward pass alone, or None for float32.
        learning: half precision for a forward pass whose gradients are wanted, or None for float32.
    """

    place: torch.device
    looking: torch.dtype | None
    learning: torch.dtype | None

    def mixed(self, learning: bool) -> AbstractContextManager[object]:
        """Return a context in which convolutions run in half precision where the device is faster for it."""
        precision = self.learning if learning else self.looking
        return nullcontext() if precision is None else torch.autocast(self.place.type, precision)

    def take(self, network: nn.Module) -> nn.Module:
        """Move a network here, its weights laid out channels last, as convolutions like them best."""
        return network.to(self.place, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def move(self, images: Tensor) -> Tensor:
        """Move a batch `[n, 3, height, width]` here, laid out channels last."""
        return images.to(self.place).contiguous(memory_format=torch.channels_last)

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.place) if self.place.type == "cuda" else self.place.type
        return f"{name}, looking in {_say(self.looking)}, learning in {_say(self.learning)}"


def _say(precision: torch.dtype | None) -> str:
    return "float32" if precision is None else str(precision).removeprefix("torch.")


def pick_device() -> Device:
    """Choose the fastest place of this machine: CUDA, then Apple's MPS, then the processor.

    bfloat16 is used where the hardware multiplies in it; elsewhere it would be emulated and slower than float32. On
    processors it serves for looking only. Measured on one with AVX-512 BF16, per photo of 299 pixels through
    EfficientNet-Lite0: a forward pass 14 ms against 37 in float32, but a training step 92 against 65.
    """
    if torch.cuda.is_available():
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(False) else None
        return Device(torch.device("cuda"), half, half)
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), None, None)
    return Device(torch.device("cpu"), torch.bfloat16 if _processor_has_bf16() else None, None)


def _processor_has_bf16() -> bool:
    # No public function tells; mkldnn is the library that would do the multiplying. (`_is_avx512_bf16_supported` is
    # narrower: it says nothing of AMX and Arm.)
    probe = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return bool(probe is not None and probe())
