"""Networks to change, and whether they are what they were."""

import torch
from torch import nn


class Overheard(nn.Module):
    """What its convolution says is read by an activation, and without one."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 8, 3), nn.ReLU6()

    def forward(self, images):
        said = self.conv(images)
        return self.act(said) - said


def laid_out(network):
    """A network that judges, its weights as a training lays them out."""
    return network.eval().to(memory_format=torch.channels_last)


def are_close(before, after, part):
    """Whether tensors differ by at most `part` of themselves, and a tenth of that of the largest number among them."""
    close = (torch.allclose(a, b, part, part / 10 * float(a.abs().max())) for a, b in zip(before, after, strict=True))
    return all(close)
