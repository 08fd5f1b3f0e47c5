import random

import pytest

from fieldmark.deploy.gate import LIMITS, MB, Limit, check, weigh_folder, weigh_zip
from fieldmark.deploy.pack import pack
from fieldmark.errors import TargetError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "numpy" / "core").mkdir(parents=True)
    (tmp_path / "numpy" / "core" / "big.so").write_bytes(random.Random(0).randbytes(300_000))
    (tmp_path / "numpy" / "zeros").write_bytes(bytes(500_000))
    (tmp_path / "model.onnx").write_bytes(random.Random(1).randbytes(700_000))
    (tmp_path / "link").symlink_to(tmp_path / "model.onnx")
    return tmp_path


def test_a_folder_weighs_what_its_files_do_by_what_lies_at_its_top(folder):
    weight = weigh_folder(folder)

    assert weight.unpacked == weight.sent == 1_500_000 and weight.packed is None
    assert list(weight.parts.items()) == [("numpy", 800_000), ("model.onnx", 700_000)]


def test_a_zip_weighs_what_is_sent_and_its_parts_what_they_take_in_it(folder):
    (folder / "link").unlink()
    data = pack(folder)
    weight = weigh_zip(data)

    assert weight.sent == weight.packed == len(data) and weight.unpacked == 1_500_000
    assert list(weight.parts) == ["model.onnx", "numpy"]  # zeros weigh nothing once packed
    assert 300_000 < weight.parts["numpy"] < 302_000


def test_what_fits_passes(folder):
    check(weigh_folder(folder), Limit("a host takes", unpacked=1_500_000), "")


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit("a host takes", unpacked=1_400_000), "1.5 MB unpacked, and a host takes 1.4 MB"),
        (Limit("a host takes", unpacked=2 * MB, packed=900_000), "1.0 MB packed, and a host takes 0.9 MB"),
    ],
)
def test_what_does_not_is_refused_with_the_heaviest_named_first(folder, limit, said):
    (folder / "link").unlink()
    weight = weigh_zip(pack(folder)) if limit.packed else weigh_folder(folder)

    with pytest.raises(TargetError) as refused:
        check(weight, limit, "Do this.")
    sentence = str(refused.value)
    assert sentence.startswith(f"Too large: {said}. Heaviest: ") and sentence.endswith("Nothing was written. Do this.")
    first, second = ("model.onnx", "numpy") if limit.packed else ("numpy", "model.onnx")
    assert sentence.index(first) < sentence.index(second)


def test_the_limits_are_those_we_promise():
    assert LIMITS["zip"].packed == 50_000_000 and LIMITS["zip"].unpacked == 250_000_000
    assert LIMITS["web"].unpacked == 20_000_000 and LIMITS["install"].unpacked == 190 * 1024 * 1024
