import numpy as np
import onnx
import pytest
from onnx import helper

from fieldmark.export.layers import Layer, layers_of, weights_of
from fieldmark.export.rounding import BLOCK, LARGEST, Seen, compensated, look, round_all, round_layer
from support.small_graph import photos, small_graph


def alike(k: int, random: np.random.Generator) -> np.ndarray:
    """Covariances of k inputs that rise and fall together."""
    directions = random.normal(size=(k, k // 3))
    return directions @ directions.T + 0.05 * np.eye(k)


def error(rows, whole, steps, spread):
    lost = rows - whole * steps[:, :, None]
    return float(np.einsum("gok,gkl,gol->", lost, spread, lost))


@pytest.mark.parametrize("k", [9, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
def test_errors_of_inputs_that_vary_together_cancel(k):
    random = np.random.default_rng(k)
    rows, spread = random.normal(size=(2, 5, k)), np.stack([alike(k, random) for _ in range(2)])
    steps = np.abs(rows).max(axis=2) / 7  # few bits, so that there is much to lose

    clever, nearest = (compensated(rows, steps, given, 7) for given in (spread, None))

    assert error(rows, clever, steps, spread) < 0.5 * error(rows, nearest, steps, spread)
    assert np.abs(clever).max() <= 7 and np.array_equal(clever, np.rint(clever))


def test_inputs_that_have_nothing_to_do_with_each_other_are_rounded_to_the_nearest():
    random = np.random.default_rng(0)
    rows, steps = random.normal(size=(1, 4, 20)), np.full((1, 4), 0.1)

    whole = compensated(rows, steps, np.eye(20)[None] * random.uniform(1, 2, 20), 63)

    assert np.array_equal(whole, np.rint(rows / 0.1))


def test_weights_that_are_whole_already_stay_what_they_are():
    random = np.random.default_rng(0)
    whole = random.integers(-63, 64, (1, 4, 30)).astype(float)

    assert np.array_equal(compensated(whole * 0.02, np.full((1, 4), 0.02), alike(30, random)[None], 63), whole)


def test_an_input_that_is_always_the_same_is_no_trouble():
    spread = np.zeros((1, 6, 6))
    rows = np.random.default_rng(0).normal(size=(1, 3, 6))

    assert np.isfinite(compensated(rows, np.full((1, 3), 0.1), spread, 63)).all()


@pytest.mark.parametrize("bits", LARGEST)
def test_what_rounding_does_to_the_mean_is_taken_out_of_the_bias(bits):
    random = np.random.default_rng(3)
    weight, bias = random.normal(size=(6, 5, 1, 1)).astype(np.float32), random.normal(size=6).astype(np.float32)
    layer = Layer(helper.make_node("Conv", ["x", "w", "b"], ["y"], "conv"), weight.shape)
    inputs = random.normal(2, 1, (1, 5, 400))
    seen = Seen(400, inputs.sum(axis=2), np.matmul(inputs, inputs.transpose(0, 2, 1)))

    small = round_layer(layer, weight, bias, seen, bits)

    mean = inputs[0].mean(axis=1)
    exact, rough = weight[:, :, 0, 0] @ mean + bias, small.weight[:, :, 0, 0] @ mean + small.bias
    assert np.allclose(exact, rough, atol=1e-5)
    assert small.whole.dtype == np.int8 and np.abs(small.whole).max() == LARGEST[bits]


def test_no_two_products_of_seven_bits_are_too_much_for_sixteen():
    assert 2 * 255 * LARGEST[7] <= 2**15 - 1 < 2 * 255 * LARGEST[8]


def test_a_weight_of_nothing_but_zeros_stays_zero():
    layer = Layer(helper.make_node("Conv", ["x", "w"], ["y"], "conv"), (2, 3, 1, 1))
    seen = Seen(4, np.ones((1, 3)), np.eye(3)[None])

    small = round_layer(layer, np.zeros((2, 3, 1, 1), np.float32), None, seen, 7)

    assert not small.weight.any() and small.bias is None


def test_the_steps_of_a_product_lie_along_its_outputs():
    weight = np.array([[1, 100], [2, 50]], np.float32)  # of two inputs, to outputs of very different size
    layer = Layer(helper.make_node("MatMul", ["x", "w"], ["y"], "product"), weight.shape)

    small = round_layer(layer, weight, None, Seen(2, np.ones((1, 2)), np.eye(2)[None]), 7)

    assert small.axis == 1 and np.allclose(small.steps, [2 / 63, 100 / 63])
    assert np.allclose(small.weight, weight, atol=1)
    assert np.allclose(small.weight[:, 0], weight[:, 0], atol=0.02)


def test_what_a_layer_reads_is_added_up_over_photos():
    model = onnx.load_from_string(small_graph())
    layers = layers_of(model)

    seen = look(model, layers, photos(3))

    assert {name: one.n for name, one in seen.items()} == {"stem": 3 * 64, "depth": 3 * 64, "point": 3 * 64}
    assert seen["depth"].products.shape == (8, 9, 9) and seen["stem"].products.shape == (1, 27, 27)
    assert np.linalg.eigvalsh(seen["point"].spread(centred=True)).min() > -1e-6
    assert sorted(round_all(layers, weights_of(model), seen, 7)) == ["depth", "point", "stem"]
