import numpy as np
import torch

from disciplined.data.blobs import blobs


def test_they_are_scikit_learns_number_for_number():
    from sklearn.datasets import make_blobs

    points, labels = make_blobs(  # pyright: ignore
        n_samples=1000, centers=3, n_features=2, cluster_std=2, random_state=2
    )
    found = blobs()
    assert found.train_images.dtype == torch.float32 and found.train_labels.dtype == torch.int64
    assert np.array_equal(found.train_images.numpy(), points[:500].astype(np.float32))
    assert np.array_equal(found.test_images.numpy(), points[500:].astype(np.float32))
    assert np.array_equal(found.train_labels.numpy(), labels[:500])
    assert np.array_equal(found.test_labels.numpy(), labels[500:])


def test_they_are_always_the_same():
    found = blobs()
    assert found.sha256 == "21c64cb40abaca2aceb003155fc5fdf4ed46ef6b24c2cf5ecacb931173b82d2b"
    assert found.test_labels.bincount().tolist() == [163, 171, 166]
