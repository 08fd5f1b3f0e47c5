"""A wrong label is believed by nobody who has not learned it by heart."""

import numpy as np

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.checks.labels import LISTED, out_of_fold, suspects, why_not


def filed(labels, shas=None, groups=None):
    return [
        PhotoFile(
            f"{label}/{i:03}.jpg", label, None, f"{i if shas is None else shas[i]:064x}", group=groups and groups[i]
        )
        for i, label in enumerate(labels)
    ]


def two_classes(n=100, seed=0):
    rng = np.random.default_rng(seed)
    which = np.arange(n) % 2
    vectors = np.eye(30)[which] * 3 + rng.normal(0, 0.5, (n, 30))
    return vectors.astype(np.float32), ["coral" if side == 0 else "king" for side in which]


def test_wrong_labels_come_first_and_the_text_says_what_they_look_like():
    vectors, labels = two_classes()
    for i in (4, 11, 30):
        labels[i] = "king" if labels[i] == "coral" else "coral"
    found = suspects(filed(labels), vectors)

    assert {int(finding.photo[-7:-4]) for finding in found[:3]} == {4, 11, 30} and found[0].sure
    four = next(finding for finding in found if finding.photo.endswith("004.jpg"))
    assert four.text.startswith("Looks like coral (p 0.9") and four.text.endswith("filed as king.")


def test_at_least_sixty_are_listed_and_none_is_sure_where_all_is_well():
    vectors, labels = two_classes()
    found = suspects(filed(labels), vectors)

    assert len(found) == LISTED and not any(finding.sure for finding in found)
    assert [finding.score for finding in found] == sorted((finding.score for finding in found), reverse=True)


def test_copies_of_a_photo_do_not_vouch_for_its_wrong_label():
    rng = np.random.default_rng(0)
    vectors, labels = two_classes()
    odd = rng.normal(0, 1, 30) + 3 * np.eye(30)[0]
    vectors = np.concatenate([vectors, np.repeat(odd[None], 12, axis=0)]).astype(np.float32)
    labels += ["king"] * 12  # twelve copies, and every one of them is a coral
    together = ["one" if i >= 100 else None for i in range(112)]

    alone = suspects(filed(labels), vectors)
    by_group = suspects(filed(labels, groups=together), vectors)
    by_looks = suspects(filed(labels), vectors, groups=[list(range(100, 112))])

    def doubted(found):
        return sum("filed as king" in finding.text for finding in found if int(finding.photo[-7:-4]) >= 100)

    assert doubted(alone) == 0 and doubted(by_group) == 12 and doubted(by_looks) == 12


def test_strangers_are_not_listed():
    vectors, labels = two_classes()
    labels[4] = "king"

    assert all(not finding.photo.endswith("004.jpg") for finding in suspects(filed(labels), vectors, strangers={4}))


def test_one_class_is_left_out_with_a_sentence():
    vectors, _ = two_classes()

    assert suspects(filed(["coral"] * 100), vectors) == []
    assert "one class" in why_not(filed(["coral"] * 100)).reason


def test_a_class_that_is_too_small_is_named_and_the_others_are_judged():
    vectors, labels = two_classes()
    labels[:2] = ["milk", "milk"]

    assert why_not(filed(labels)).part == "milk" and len(suspects(filed(labels), vectors)) == LISTED
    assert all(not finding.photo.startswith("milk/") for finding in suspects(filed(labels), vectors))


def test_copies_do_not_make_a_small_class_large():
    _, labels = two_classes(20)
    labels[:6] = ["milk"] * 6

    assert why_not(filed(labels, shas=[0] * 6 + list(range(1, 15)))).part == "milk"
    assert why_not(filed(labels)) is None


def test_beliefs_are_probabilities_and_the_same_every_time():
    vectors, labels = two_classes()
    numbers = np.array([int(label == "king") for label in labels])
    believed = out_of_fold(vectors, numbers, np.arange(100))

    assert np.allclose(believed.sum(axis=1), 1)
    assert np.array_equal(believed, out_of_fold(vectors, numbers, np.arange(100)))
