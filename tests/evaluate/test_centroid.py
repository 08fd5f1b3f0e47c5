import numpy as np

from fieldmark.evaluate.centroid import nearest_centroid


def test_a_photo_is_of_the_class_whose_centre_is_nearest():
    known = np.array([[1, 0], [2, 0.2], [0, 5], [0.3, 4]], dtype=np.float32)
    asked = np.array([[9, 1], [0.1, 0.2]], dtype=np.float32)

    assert nearest_centroid(known, np.array([0, 0, 2, 2]), asked).tolist() == [0, 2]


def test_length_says_nothing_and_a_feature_of_zeros_breaks_nothing():
    known = np.array([[1, 0], [100, 100]], dtype=np.float32)
    asked = np.array([[200, 10], [0.001, 0.001], [0, 0]], dtype=np.float32)

    assert nearest_centroid(known, np.array([0, 1]), asked)[:2].tolist() == [0, 1]
    assert np.isfinite(nearest_centroid(known, np.array([0, 1]), asked)).all()
