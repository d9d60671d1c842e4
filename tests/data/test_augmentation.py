import pytest
import torch
from torch.nn import functional as F

from disciplined.data.augmentation import mirror, punch, shift
from disciplined.data.draws import mirror_flags


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


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_a_shifted_image_is_a_crop_of_the_padded_one(dtype):
    images = torch.arange(81 * 3 * 5 * 7).reshape(81, 3, 5, 7).remainder(251).to(dtype)
    before = images.clone()
    corners = torch.cartesian_prod(torch.arange(9), torch.arange(9))
    made = shift(images, corners)
    assert made.dtype == dtype and made.shape == images.shape
    assert torch.equal(images, before), "the images given were changed"
    for number, (top, left) in enumerate(corners.tolist()):
        padded = F.pad(images[number], (4, 4, 4, 4))
        wanted = padded[:, top : top + 5, left : left + 7]
        assert torch.equal(made[number], wanted), (top, left)
    assert torch.equal(made[4 * 9 + 4], images[4 * 9 + 4]), "the middle is the image itself"


def test_what_is_shifted_in_is_nothing_in_the_networks_units():
    """Zero behind the mean's subtraction, which the mean image would not be in bytes."""
    made = shift(torch.full((1, 3, 32, 32), 7.0), torch.tensor([[0, 8]]))
    assert (made[0, :, :4] == 0).all() and (made[0, :, :, -4:] == 0).all()
    assert (made[0, :, 4:, :-4] == 7).all()


def test_a_hole_is_sixteen_wide_and_ends_at_the_edge():
    centres = [(16, 16), (0, 0), (31, 31), (0, 31), (8, 24), (7, 25)]
    made = punch(torch.ones(len(centres), 3, 32, 32), torch.tensor(centres))
    for image, (row, column) in zip(made, centres, strict=True):
        wanted = torch.ones(3, 32, 32)
        wanted[:, max(0, row - 8) : row + 8, max(0, column - 8) : column + 8] = 0
        assert torch.equal(image, wanted), (row, column)
    assert [int((image[0] == 0).sum()) for image in made] == [256, 64, 81, 72, 256, 225]


def test_a_hole_covers_what_is_no_number():
    images = torch.ones(1, 1, 32, 32)
    images[0, 0, 16, 16] = torch.nan
    assert torch.isfinite(punch(images, torch.tensor([[16, 16]]))).all()
