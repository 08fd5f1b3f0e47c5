"""What is far from everything is off-topic, though strangers be among the data."""

import numpy as np

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.checks.strangers import FEWEST, LISTED, distances, rank, why_not


def photos(n):
    return [PhotoFile(f"coral/{i:03}.jpg", "coral", None, f"{i:064x}") for i in range(n)]


def clouds(n=200, strangers=6, seed=0):
    """Two classes near each other, and strangers each in a direction of its own."""
    rng = np.random.default_rng(seed)
    topic = np.zeros((n, 40)) + 5 * np.eye(40)[0] + 2 * np.eye(40)[1 + np.arange(n) % 2]
    strange = 5 * np.eye(40)[10 : 10 + strangers]
    return (np.concatenate([topic, strange]) + rng.normal(0, 0.4, (n + strangers, 40))).astype(np.float32)


def test_strangers_come_first_and_are_sure():
    ranked = rank(photos(206), clouds())

    assert {finding.photo for finding in ranked[:6]} == {f"coral/{i:03}.jpg" for i in range(200, 206)}
    assert all(finding.sure for finding in ranked[:6]) and "Unlike all other photos" in ranked[0].text


def test_two_strangers_that_look_alike_do_not_hide_each_other():
    vectors = clouds()
    vectors[205] = vectors[204]

    assert {finding.photo for finding in rank(photos(206), vectors)[:6]} == {f"coral/{i}.jpg" for i in range(200, 206)}


def test_at_least_sixty_are_listed_and_few_of_a_clean_folder_are_sure():
    ranked = rank(photos(300), clouds(300, 0))

    assert len(ranked) == LISTED and sum(finding.sure for finding in ranked) <= 6
    assert [finding.score for finding in ranked] == sorted((finding.score for finding in ranked), reverse=True)


def test_few_photos_have_no_strangers_and_a_sentence_says_so():
    assert rank(photos(FEWEST - 1), clouds(FEWEST - 1, 0)) == []
    assert str(FEWEST - 1) in why_not(photos(FEWEST - 1)).reason and why_not(photos(FEWEST)) is None


def test_photos_without_any_difference_are_no_error():
    assert not any(finding.sure for finding in rank(photos(50), np.ones((50, 8), np.float32)))


def test_distance_leaves_the_photo_itself_out():
    vectors = np.eye(3, dtype=np.float32)

    assert np.allclose(distances(vectors), 1)
