import torch

from disciplined.data.images import ImageSet, checksum


def test_a_checksum_tells_parts_and_their_borders_apart():
    assert checksum("a", "bc") == checksum("a", b"bc")
    sums = [
        checksum("a", "bc"),
        checksum("a", "b", "c"),
        checksum("ab", "c"),
        checksum("a", "c", "b"),
    ]
    assert len(set(sums)) == len(sums) and {len(one) for one in sums} == {64}


def test_a_set_with_fewer_training_images():
    images = torch.arange(12, dtype=torch.uint8).reshape(6, 1, 1, 2)
    labels = torch.arange(6)
    whole = ImageSet(images, labels, images[:2], labels[:2], sha256="whole")
    part = whole.with_training(torch.tensor([1, 4]))
    assert part.train_images.tolist() == [[[[2, 3]]], [[[8, 9]]]]
    assert part.train_labels.tolist() == [1, 4]
    assert part.test_images is whole.test_images and part.test_labels is whole.test_labels
    other = whole.with_training(torch.tensor([1, 5]))
    again = whole.with_training(torch.tensor([1, 4]))
    assert part.sha256 == again.sha256
    assert len({whole.sha256, part.sha256, other.sha256}) == 3
    assert len(whole.train_images) == 6, "the set itself was changed"
