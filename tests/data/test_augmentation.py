import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.data.augmentation import mirror, mirror_flags, mirror_flags_chunk


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**64 - 1),
    first=st.integers(0, 10**6),
    length=st.integers(1, 5),
    parts=st.integers(1, 6),
    size=st.integers(1, 40),
)
def test_parts_of_the_flags_together_are_the_flags(seed, first, length, parts, size):
    batch = parts * size
    rows = np.stack([mirror_flags(seed, first + row, batch) for row in range(length)])
    pieces = [
        mirror_flags_chunk(seed, first, first + length, batch, part, parts) for part in range(parts)
    ]
    assert (np.concatenate(pieces, axis=1) == rows).all()


def test_flags_depend_on_seed_and_iteration():
    flags = [mirror_flags(seed, t, 2000) for seed in (0, 1) for t in (0, 1, 7)]
    for one in range(6):
        for other in range(one):
            assert abs((flags[one] == flags[other]).mean() - 0.5) < 0.06


def test_unequal_parts_are_a_mistake(one_line):
    with one_line("total_batch_size=10", "4 equal parts"):
        mirror_flags_chunk(0, 0, 1, 10, 0, 4)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_flagged_images_are_mirrored_and_no_other(dtype, layout):
    images = torch.arange(5 * 3 * 4 * 6).reshape(5, 3, 4, 6).remainder(251).to(dtype)
    images = images.contiguous(memory_format=layout)
    before = images.clone()
    flags = torch.tensor([True, False, False, True, True])
    made = mirror(images, flags)
    assert made.dtype == dtype and made.is_contiguous(memory_format=layout)
    assert torch.equal(images, before), "the images given were changed"
    for number, flag in enumerate(flags):
        wanted = images[number].flip(-1) if flag else images[number]
        assert torch.equal(made[number], wanted), f"image {number}, flag {bool(flag)}"
    assert torch.equal(mirror(made, flags), images)


def test_left_becomes_right():
    image = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.uint8)[None, None]
    assert mirror(image, torch.tensor([True])).tolist() == [[[[3, 2, 1], [6, 5, 4]]]]


def test_a_pixel_that_is_no_number_stays_in_its_image():
    images = torch.ones(2, 1, 1, 2)
    images[0, 0, 0, 0] = torch.nan
    made = mirror(images, torch.tensor([True, False]))
    assert torch.isnan(made).flatten().tolist() == [False, True, False, False]
