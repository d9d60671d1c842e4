import pytest
import torch

from disciplined.data.augmentation import mirror, punch, shift
from disciplined.data.draws import Draws, mirror_flags


def test_flags_depend_on_seed_and_iteration():
    flags = [mirror_flags(seed, t, 2000) for seed in (0, 1) for t in (0, 1, 7)]
    for one in range(6):
        for other in range(one):
            assert abs((flags[one] == flags[other]).mean() - 0.5) < 0.06


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
