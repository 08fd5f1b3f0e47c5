from collections import Counter
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.errors import FolderError
from fieldmark.split import cut_folds, draw_test, split


def photos_of(counts: dict[str, int], start: int = 0, side: str | None = None) -> list[PhotoFile]:
    return [
        PhotoFile(f"{label}/{start + i}.jpg", label, side, sha256(f"{label}{start + i}".encode()).hexdigest())
        for label, n in counts.items()
        for i in range(n)
    ]


def test_the_snakes_are_split_as_the_original_was():
    photos = photos_of({"coral": 233, "king": 193})

    assert Counter(split(photos, 42, 0.2, {}).values()) == {"train": 341, "valid": 85}


def test_every_class_gives_its_share():
    photos = photos_of({"a": 100, "b": 50, "c": 10})
    sides = split(photos, 42, 0.2, {})

    assert Counter(p.label for p in photos if sides[p.id] == "valid") == {"a": 20, "b": 10, "c": 2}


def test_a_class_of_two_gives_one_to_each_side():
    photos = photos_of({"a": 50, "b": 2})
    sides = split(photos, 42, 0.2, {})

    assert sorted(sides[p.id] for p in photos if p.label == "b") == ["train", "valid"]


def test_the_seed_decides_and_names_and_order_do_not():
    photos = photos_of({"a": 40, "b": 40})
    renamed = [PhotoFile(f"x{p.path}", p.label, p.side, p.sha256) for p in reversed(photos)]

    assert split(photos, 42, 0.2, {}) == split(renamed, 42, 0.2, {})
    assert split(photos, 42, 0.2, {}) != split(photos, 43, 0.2, {})


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_photos_added_later_move_no_old_one(a, b, more_a, more_b, seed):
    old = photos_of({"a": a, "b": b})
    before = split(old, seed, 0.2, {})
    after = split(old + photos_of({"a": more_a, "b": more_b}, start=1000), seed, 0.2, before)

    assert {id_: after[id_] for id_ in before} == before


def test_new_photos_bring_the_share_back_to_what_was_asked():
    old = photos_of({"a": 10, "b": 10})
    grown = old + photos_of({"a": 90, "b": 90}, start=1000)

    assert Counter(split(grown, 42, 0.2, split(old, 42, 0.2, {})).values()) == {"train": 160, "valid": 40}


def test_identical_bytes_are_on_one_side():
    photos = photos_of({"a": 20, "b": 20})
    copies = [PhotoFile(f"copy/{p.path}", p.label, None, p.sha256) for p in photos]

    assert set(split(photos + copies, 42, 0.2, {})) == {p.id for p in photos}


def test_given_sides_stand():
    train, valid = photos_of({"a": 4, "b": 4}, side="train"), photos_of({"a": 3, "b": 1}, start=100, side="valid")

    assert Counter(split(train + valid, 42, 0.2, {}).values()) == {"train": 8, "valid": 4}


def test_a_photo_given_to_both_sides_is_only_judged():
    train, valid = photos_of({"a": 4, "b": 4}, side="train"), photos_of({"a": 1, "b": 1}, side="valid")

    sides = split(train + valid, 42, 0.2, {})

    assert all(sides[photo.id] == "valid" for photo in valid)


def test_a_train_folder_alone_is_split():
    assert Counter(split(photos_of({"a": 10, "b": 10}, side="train"), 42, 0.2, {}).values())["valid"] == 4


@pytest.mark.parametrize(
    ("photos", "sentence"),
    [
        (photos_of({"a": 5}), "only one class"),
        (photos_of({"a": 5, "b": 1}), "'b' has only 1 usable photo"),
        (photos_of({"a": 5, "b": 5}, side="valid"), "nothing to learn it from"),
    ],
)
def test_too_little_to_split_is_explained(photos, sentence):
    with pytest.raises(FolderError, match=sentence):
        split(photos, 42, 0.2, {})


def test_a_photo_copied_under_a_second_label_does_not_count_as_one_of_its_own():
    photos = photos_of({"a": 5})
    copy = PhotoFile("b/copy.jpg", "b", None, photos[0].sha256)

    with pytest.raises(FolderError, match="only one class"):
        split([*photos, copy], 42, 0.2, {})


def test_near_duplicates_are_on_one_side_together():
    photos = photos_of({"a": 60, "b": 60})
    grouped = [replace(photo, group=f"g{i // 3}") for i, photo in enumerate(photos)]
    sides = split(grouped, 42, 0.2, {})
    by_group = {}
    for photo in grouped:
        by_group.setdefault(photo.group, set()).add(sides[photo.id])
    assert all(len(group) == 1 for group in by_group.values())
    assert sum(side == "valid" for side in sides.values()) == 24


def test_a_near_duplicate_that_comes_later_joins_the_side_of_its_group():
    photos = photos_of({"a": 20, "b": 20})
    kept = split(photos, 42, 0.2, {})
    judged = next(photo for photo in photos if kept[photo.id] == "valid")
    twin = replace(judged, path="a/twin.jpg", sha256="f" * 64, group="pair")
    grouped = [replace(photo, group="pair") if photo is judged else photo for photo in photos]
    assert split([*grouped, twin], 42, 0.2, kept)[twin.id] == "valid"


def in_groups(photos: list[PhotoFile], size: int) -> list[PhotoFile]:
    """Every `size` photos that follow each other are of one group."""
    return [replace(photo, group=f"g{i // size}") for i, photo in enumerate(photos)]


@given(st.integers(5, 60), st.integers(5, 60), st.integers(2, 5), st.integers(1, 3), st.integers(0, 9))
def test_folds_share_out_every_class_evenly(a, b, k, repeat, seed):
    photos = photos_of({"a": a, "b": b})
    folds = cut_folds(photos, seed, k, repeat, {})

    assert folds.keys() == {photo.id for photo in photos}
    for label in ("a", "b"):
        sizes = Counter(folds[photo.id] for photo in photos if photo.label == label)
        assert set(sizes) == {str(fold) for fold in range(1, k + 1)}
        assert max(sizes.values()) - min(sizes.values()) <= 1


@given(st.integers(1, 7), st.integers(2, 5), st.integers(0, 20))
def test_a_group_is_in_one_fold_whatever_classes_it_spans(size, k, seed):
    photos = in_groups(photos_of({"a": 33, "b": 21}), size)
    folds = cut_folds(photos, seed, k, 1, {})

    assert all(len({folds[p.id] for p in photos if p.group == group}) == 1 for group in {p.group for p in photos})


@given(st.integers(5, 30), st.integers(0, 40), st.integers(0, 9))
def test_photos_added_later_move_none_to_another_fold(n, more, seed):
    old = photos_of({"a": n, "b": n})
    before = cut_folds(old, seed, 5, 1, {})
    after = cut_folds(old + photos_of({"a": more, "b": 1}, start=1000), seed, 5, 1, before)

    assert {id_: after[id_] for id_ in before} == before


def test_a_copy_that_comes_later_goes_where_the_first_one_is():
    first, *others = photos_of({"a": 20, "b": 20})
    before = cut_folds([first, *others], 42, 5, 1, {})
    copy = replace(first, path="a/copy.jpg", sha256="f" * 64, group=first.id)
    after = cut_folds([replace(first, group=first.id), *others, copy], 42, 5, 1, before)

    assert after[copy.id] == before[first.id]


def test_repeats_and_seeds_cut_anew_and_order_does_not():
    photos = photos_of({"a": 40, "b": 40})
    cuts = [cut_folds(photos, seed, 5, repeat, {}) for seed in (1, 2) for repeat in (1, 2)]

    assert len({tuple(sorted(cut.items())) for cut in cuts}) == 4
    assert cut_folds(photos[::-1], 1, 5, 1, {}) == cuts[0]


def test_a_kept_fold_that_makes_no_sense_is_drawn_again():
    photos = photos_of({"a": 6, "b": 6})

    assert set(cut_folds(photos, 1, 3, 1, dict.fromkeys((p.id for p in photos), "nine")).values()) == {"1", "2", "3"}


def test_fewer_photos_than_folds_are_explained():
    with pytest.raises(FolderError, match=r"4 different photos cannot be cut into 5 folds\. Give --folds 2"):
        cut_folds(photos_of({"a": 2, "b": 2}), 42, 5, 1, {})


def test_a_class_of_one_group_is_explained():
    photos = in_groups(photos_of({"a": 6}), 6) + photos_of({"b": 6})

    with pytest.raises(FolderError, match="All 6 photos of class 'a' are of one group"):
        cut_folds(photos, 42, 3, 1, {})


def test_a_sealed_share_is_drawn_by_class_and_not_as_the_validation_side_is():
    photos = photos_of({"a": 100, "b": 40})
    drawn = draw_test(photos, 42, 0.2)
    sides = split(photos, 42, 0.2, {})

    assert Counter(p.label for p in photos if drawn[p.id] == "test") == {"a": 20, "b": 8}
    both = sum(drawn[p.id] == "test" and sides[p.id] == "valid" for p in photos)
    assert both < 15  # of 28; 5.6 are to be expected where the two draws know nothing of each other


def test_copies_are_sealed_together():
    photos = [replace(p, group=f"pair {i // 2}") for i, p in enumerate(photos_of({"a": 60, "b": 60}))]
    drawn = draw_test(photos, 42, 0.25)

    assert all(drawn[one.id] == drawn[other.id] for one, other in zip(photos[::2], photos[1::2], strict=True))
    assert 26 <= list(drawn.values()).count("test") <= 30


def test_a_share_that_leaves_too_little_or_holds_nothing_is_not_drawn():
    with pytest.raises(FolderError, match="'b' would have 1 left"):
        draw_test(photos_of({"a": 40, "b": 2}), 42, 0.2)
    whole = [replace(p, group=p.label) for p in photos_of({"a": 9, "b": 9})]
    with pytest.raises(FolderError, match="No photo could be sealed"):
        draw_test(whole, 42, 0.2)
