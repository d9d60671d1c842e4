"""What the processes of a run see: together one batch, over whole epochs every image once."""

import numpy as np
import pytest

from disciplined.data.draws import Draws
from disciplined.data.stream import Stream
from disciplined.training.batches import Batches


def batches(
    part=0, parts=1, accumulate=1, images=60, size=24, iterations=10, first=0, augmentation="cutout"
):
    return Batches(
        Stream(images, size, seed=3),
        iterations,
        first=first,
        augmentation=augmentation,
        image_shape=(3, 32, 32),
        part=part,
        parts=parts,
        accumulate=accumulate,
    )


@pytest.mark.parametrize(("parts", "accumulate"), [(1, 1), (2, 1), (1, 3), (2, 2), (4, 1)])
def test_parts_together_are_the_total_batch(parts, accumulate):
    whole = list(batches())
    shares = [list(batches(part, parts, accumulate)) for part in range(parts)]
    for t, batch in enumerate(whole):
        mine = [
            shares[part][t * accumulate + micro]
            for part in range(parts)
            for micro in range(accumulate)
        ]
        assert all(int(b.iteration) == t for b in mine)
        assert np.concatenate([b.indices for b in mine]).tolist() == batch.indices.tolist()
        for field in ("flags", "corners", "holes"):
            together = np.concatenate([getattr(b, field) for b in mine])
            assert together.tolist() == getattr(batch, field).tolist()


def test_an_update_is_drawn_once_for_all_its_parts(monkeypatch):
    drawn: dict[str, list[int]] = {"indices": [], "augmentation": []}
    indices, of = Stream.indices, Draws.of

    def counted(stream, iteration):
        drawn["indices"].append(iteration)
        return indices(stream, iteration)

    def counted_of(augmentation, seed, iteration, *others):
        drawn["augmentation"].append(iteration)
        return of(augmentation, seed, iteration, *others)

    monkeypatch.setattr(Stream, "indices", counted)
    monkeypatch.setattr(Draws, "of", counted_of)
    assert len(list(batches(accumulate=4))) == 40
    assert drawn == {"indices": list(range(10)), "augmentation": list(range(10))}


def test_over_whole_epochs_every_image_comes_equally_often():
    # 10 iterations of 24 are 4 epochs of 60 images, whose batches straddle the epochs' ends
    seen = np.concatenate([b.indices for part in (0, 1) for b in batches(part, 2)])
    assert np.bincount(seen, minlength=60).tolist() == [4] * 60


def test_a_resumed_run_sees_what_the_uninterrupted_one_would_have():
    resumed = batches(first=7)
    for ours, theirs in zip(resumed, list(batches())[7:], strict=True):
        assert ours.indices.tolist() == theirs.indices.tolist()
        for field in ("flags", "corners", "holes"):
            assert getattr(ours, field).tolist() == getattr(theirs, field).tolist()
    assert len(resumed) == 10  # Lightning counts the first seven as done


def test_nothing_is_drawn_that_is_not_asked():
    plain, mirrored = (next(iter(batches(augmentation=name))) for name in ("none", "mirror"))
    assert plain[2:] == (None, None, None, None)
    assert mirrored.flags is not None and mirrored[3:] == (None, None, None)
