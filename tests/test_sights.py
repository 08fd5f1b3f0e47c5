"""What an early half saw, on the disk and back."""

import numpy as np
import pytest
import torch

from fieldmark.sights import Sights


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side", [1, 3])
def test_what_is_added_in_parts_is_read_by_row(tmp_path, dtype, side):
    sights, seen = Sights(tmp_path), torch.rand(7, 5, side, side).to(dtype)
    for part in (seen[:4], seen[4:]):
        # As convolutions leave it. Planes of 1 x 1 count as contiguous then, and torch refuses to view their bytes.
        sights.add("plain", part.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))

    assert torch.equal(sights.rows("plain", np.array([6, 0, 3])), seen[[6, 0, 3]])


def test_rows_added_after_reading_are_found(tmp_path):
    sights = Sights(tmp_path)
    sights.add("plain", torch.zeros(1, 2, 1, 1))
    sights.rows("plain", np.array([0]))
    sights.add("plain", torch.ones(1, 2, 1, 1))

    assert sights.rows("plain", np.array([1])).mean() == 1


def test_only_what_was_added_is_there(tmp_path):
    sights = Sights(tmp_path)
    assert "plain" not in sights
    sights.add("plain", torch.zeros(1, 2, 1, 1))
    assert "plain" in sights and "mirrored" not in sights
