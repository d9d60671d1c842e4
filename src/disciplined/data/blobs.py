"""Three clouds of points in the plane, a tutorial's data (reference 14, tutorials/blobs)."""

import numpy as np

from disciplined.data.images import ImageSet, in_memory

POINTS, CENTRES, SPREAD, SEED = 1000, 3, 2.0, 2


def blobs() -> ImageSet:
    """500 training and 500 test points, float32 [N,2], of three classes.

    scikit-learn's `make_blobs(n_samples=1000, centers=3, n_features=2, cluster_std=2,
    random_state=2)`, number for number, without the 3 s that importing it takes: centres uniform in
    the square from -10 to 10, normal points around each, shuffled. The first half is for training,
    as the tutorial has it; it measures by the other, which is the test set here.
    """
    draw = np.random.RandomState(SEED)  # scikit-learn's generator, which numpy has frozen
    centres = draw.uniform(-10.0, 10.0, size=(CENTRES, 2))
    sizes = [POINTS // CENTRES + (number < POINTS % CENTRES) for number in range(CENTRES)]
    clouds = [
        draw.normal(loc=centre, scale=SPREAD, size=(size, 2))
        for centre, size in zip(centres, sizes, strict=True)
    ]
    order = np.arange(POINTS)
    draw.shuffle(order)
    points = np.concatenate(clouds)[order].astype(np.float32)
    labels = np.repeat(np.arange(CENTRES, dtype=np.int64), sizes)[order]
    half = POINTS // 2
    arrays = points[:half], labels[:half], points[half:], labels[half:]
    return in_memory("blobs", arrays=arrays)
