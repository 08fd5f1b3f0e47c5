from dataclasses import replace

import pytest
from evaluate_samples import EPOCHS, tell, tell_with_errors

from fieldmark.evaluate import wording
from fieldmark.evaluate.metrics import summarize


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9529, "95.3 %"), (0, "0 %"), (1.0, "100 %"), (0.9999, "99.99 %"), (0.00004, "0.004 %"), (0.5, "50.0 %")],
)
def test_a_share_never_reads_as_all_or_nothing_unless_it_is(share, text):
    assert wording.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.934, "93 %"), (0.001, "<1 %"), (0.999, ">99 %"), (1, "100 %"), (0, "0 %")]
)
def test_whole_percentages_keep_to_that_too(share, text):
    assert wording.whole_percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.25, "3.2 s"), (59.97, "1 min 0 s"), (183, "3 min 3 s"), (5123, "1 h 25 min"), (float("nan"), "–")],
)
def test_time_spans_read_as_people_say_them(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(("rate", "text"), [(2.1e-3, "2.1e-3"), (1e-3, "1e-3"), (0.5, "5e-1"), (12, "1.2e1")])
def test_rates_read_as_one_types_them(rate, text):
    assert wording.rate(rate) == text
    assert float(text) == rate


def test_the_headline_gives_count_share_and_interval():
    metrics = summarize(tell_with_errors(["coral", "king"], n=85, wrong=4))
    assert wording.headline(metrics, 85) == (
        "81 of 85 photos right: 95.3 %; the true share is probably between 88.5 % and 98.2 %."
    )


def test_the_headline_counts_one_photo_as_one():
    metrics = summarize(tell(["coral", "king"], [0], [(0.9, 0.1)]))
    assert wording.headline(metrics, 1).startswith("1 of 1 photo right: 100 %;")


def test_the_baseline_says_what_one_gets_without_looking():
    metrics = summarize(tell_with_errors(["coral", "king"], n=85, wrong=4))
    assert wording.against_baseline(metrics, 85).endswith("“coral”, 43 of 85 would be right: 50.6 %.")


def test_unknown_photos_are_spoken_of_only_when_there_are_any():
    some = summarize(tell(["coral", "king"], [0, 1], [(1, 0), (0, 1)], unknown=[True, False]))
    none = summarize(tell(["coral", "king"], [0, 1], [(1, 0), (0, 1)]))
    assert wording.unknowns(some, 2).startswith("Of 1 of the 2 photos (50.0 %)")
    assert wording.unknowns(none, 2) is None


def test_a_rise_of_validation_loss_after_the_kept_epoch_is_called_overfitting_while_training_loss_falls():
    assert wording.overfitting(EPOCHS, {"stage": 2, "epoch": 2}) == (
        "Validation loss was best at epoch 2 of stage 2 and rose after it; the weights of that epoch were kept. "
        "Training loss went on falling meanwhile: the later epochs overfit."
    )


def test_a_rise_of_both_losses_is_not_called_overfitting():
    epochs = [*EPOCHS[:-1], replace(EPOCHS[-1], train_loss=0.5)]
    assert wording.overfitting(epochs, {"stage": 2, "epoch": 2}).endswith("the weights of that epoch were kept.")


def test_the_last_epoch_kept_is_said_to_be_the_last():
    sentence = wording.overfitting(EPOCHS[:4], {"stage": 2, "epoch": 2})
    assert "the last one" in sentence
    assert "overfit" not in sentence


def test_an_epoch_of_stage_1_kept_means_stage_2_brought_nothing():
    sentence = wording.overfitting(EPOCHS, {"stage": 1, "epoch": 2})
    assert "no epoch of stage 2 went below it" in sentence


def test_without_training_nothing_is_said_about_epochs():
    assert wording.overfitting((), None) is None
    assert wording.overfitting((), {"stage": 2, "epoch": 2}) is None


def test_stage_results_leave_out_a_stage_not_run():
    metrics = {"stage1": {"error_rate": 5 / 85, "wrong": 5, "valid_loss": 0.2143, "epoch": 4}, "stage2": None}
    assert wording.stage_results(metrics, 85) == [
        "Stage 1, the head alone: 5 of 85 wrong (5.9 %), validation loss 0.2143, at epoch 4."
    ]
