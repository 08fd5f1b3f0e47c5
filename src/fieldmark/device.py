"""This machine -> where to train on it, and in which precision."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from fieldmark.engines.memory import keep_freed_memory
from fieldmark.fusing import fuse_activations


@dataclass(frozen=True)
class Device:
    """Where to train, and how.

    Attributes:
        place: cpu, cuda or mps.
        half: half precision in which convolutions run while nothing is to be told, or None for float32.
        why: why that precision, in words; empty where there was no choice.
    """

    place: torch.device
    half: torch.dtype | None
    why: str = ""

    def mixed(self) -> AbstractContextManager[object]:
        """Return a context in which convolutions run in half precision where the device is faster for it."""
        return nullcontext() if self.half is None else torch.autocast(self.place.type, self.half)

    @property
    def is_processor(self) -> bool:
        """Whether it is what decodes the photos, too."""
        return self.place.type == "cpu"

    @property
    def can_fuse(self) -> bool:
        """Whether `fieldmark.fusing` is of use here: it is for processors in float32."""
        return self.is_processor and self.half is None

    @property
    def at_once(self) -> int:
        """Photos to pass through a network together.

        On a processor no more than it takes to be fast: with 32 of 299 pixels a layer's results are so large that an
        allocator that cannot be told to keep them takes fresh memory for each, which was half of the time.
        """
        return 16 if self.is_processor else 64

    @property
    def learned_at_once(self) -> int:
        """Photos to pass through a whole network together where it learns, and holds what each layer said of them."""
        return 4 if self.is_processor else 64

    def take(self, network: nn.Module) -> nn.Module:
        """Move a network here, its weights laid out channels last, as convolutions like them best."""
        return network.to(self.place, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def quicken(self, network: nn.Module, size: int) -> nn.Module:
        """Give a network that is here and only looks from now on less to do, in place, where it says the same then.

        Args:
            network: float `[n, 3, size, size]` -> anything.
            size: side of a photo that it can take, in pixels.
        """
        if self.can_fuse:
            fuse_activations(network.eval(), size)
        return network

    def move(self, images: Tensor) -> Tensor:
        """Move a batch `[n, 3, height, width]` here, laid out channels last."""
        return images.to(self.place, non_blocking=True).contiguous(memory_format=torch.channels_last)

    def filled(self, images: Tensor) -> Tensor:
        """Repeat the last of a batch's images until there are as many as pass together.

        What a network makes of a photo can then not hang on how many others passed with it, to the last bit.
        """
        missing = self.at_once - len(images)
        return torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing > 0 else images

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.place) if self.place.type == "cuda" else self.place.type
        precision = "float32" if self.half is None else str(self.half).removeprefix("torch.")
        return f"{name}, {precision}" + (f" ({self.why})" if self.why else "")


def pick_device() -> Device:
    """Choose the fastest place of this machine: CUDA, then Apple's MPS, then the processor.

    bfloat16 is used where the hardware multiplies in it; elsewhere it would be emulated and slower than float32.
    """
    if torch.cuda.is_available():
        return Device(torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported(False) else None)
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), None)
    return pick_processor()


@cache
def pick_processor() -> Device:
    """Choose how to work on the processor, whatever else there is.

    Whether bfloat16 is faster is measured: processors say that they can multiply in it, not that it pays.
    """
    place = torch.device("cpu")
    keep_freed_memory()
    # No public function tells; mkldnn is the library that would do the multiplying. (`_is_avx512_bf16_supported` is
    # narrower: it says nothing of AMX and Arm.)
    probe = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if probe is None or not probe():
        return Device(place, None, "this processor has no bfloat16")
    faster = how_much_faster(torch.bfloat16)
    if faster < WORTH_IT:
        how = "slower" if faster < 1 else "hardly faster"
        return Device(place, None, f"bfloat16 is {how} on this processor, as measured")
    return Device(place, torch.bfloat16, "faster than float32 on this processor, as measured")


WORTH_IT = 1.2
"""Speed of half precision over float32's from which on it is taken.

1.7 to 2.1 was measured where it pays, 0.6 to 0.9 on a processor that multiplies in it and is slower all the same, 0.5
where it is emulated. A machine must decide alike every time, or a training could not be repeated to the last bit.
"""

_clock = time.perf_counter if sys.platform == "win32" else time.thread_time
"""Seconds. What else the machine is at does not count in a thread's own, which Windows only tells in steps of 16 ms."""


def how_much_faster(half: torch.dtype) -> float:
    """Time a convolution and its gradients on the processor: float32's seconds over those of `half`."""
    conv = nn.Conv2d(112, 672, 1).to(
        memory_format=torch.channels_last
    )  # one of EfficientNet-Lite0's, and its commonest
    images = torch.zeros(8, 112, 19, 19).contiguous(memory_format=torch.channels_last).requires_grad_()

    def seconds(precision: torch.dtype | None) -> float:
        start = _clock()
        with torch.autocast("cpu", precision) if precision else nullcontext():
            said = conv(images)
        said.float().sum().backward()
        return _clock() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the clock is this thread's alone
    times: list[tuple[float, float]] = []
    try:
        for trial in range(1, TRIALS + 1):
            times.append((seconds(None), seconds(half)))
            ratio = min(plain for plain, _ in times) / min(halved for _, halved in times)
            if trial >= FEWEST_TRIALS and _is_plain(ratio):
                break
    finally:
        torch.set_num_threads(threads)
    return ratio


def _is_plain(ratio: float) -> bool:
    """Whether a ratio is so far from `WORTH_IT` that further trials would only cost time."""
    return max(ratio / WORTH_IT, WORTH_IT / ratio) > PLAIN


FEWEST_TRIALS, TRIALS = 3, 9
"""The least of so many is what the processor can do; the others say what else the machine was at."""

PLAIN = 1.4
"""Times as fast as the other, or as slow, from which on a few trials are enough."""
