import numpy as np
import pytest
import torch

from disciplined.data.pixels import Pixels, mean_image


@pytest.fixture
def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), np.uint8))


def test_the_mean_image_is_exact(images):
    wanted = images.double().mean(0).float()
    assert torch.equal(mean_image(images), wanted)
    white = torch.full((3000, 1, 2, 2), 255, dtype=torch.uint8)
    assert torch.equal(mean_image(white), torch.full((1, 2, 2), 255.0))


def test_pixels_less_the_mean_image_are_not_divided(images):
    made = Pixels(images)(images)
    assert made.dtype == torch.float32
    assert torch.equal(made, images.float() - images.double().mean(0).float())
    assert made.abs().max() > 100


def test_lenets_pixels_are_scaled_and_keep_their_mean(images):
    made = Pixels(images, scale=1 / 256, subtract_mean=False)(images)
    assert torch.equal(made, images.float() / 256)


def test_scale_comes_after_the_mean(images):
    made = Pixels(images, scale=0.5)(images)
    assert torch.equal(made, (images.float() - mean_image(images)) * 0.5)


def test_the_mean_is_of_the_images_trained_on_alone(images):
    mean = Pixels(images[:7]).mean
    assert mean is not None and torch.equal(mean, images[:7].double().mean(0).float())


def test_bytes_and_layout_are_left_as_they_are(images):
    before = images.clone()
    Pixels(images)(images)
    assert torch.equal(images, before)
    last = images.contiguous(memory_format=torch.channels_last)
    made = Pixels(images)(last)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made, Pixels(images)(images))


def test_the_mean_moves_with_the_module_but_is_no_state(images):
    pixels = Pixels(images)
    assert not pixels.state_dict() and not list(pixels.parameters())
    moved = pixels.to("meta").mean
    assert moved is not None and moved.device.type == "meta"


def test_features_pass_through_with_their_means_if_asked():
    rows = torch.tensor([[1.0, 10.0], [2.0, 30.0]])
    assert torch.equal(Pixels(rows, subtract_mean=False)(rows), rows)
    made = Pixels(rows, scale=2.0)(rows)
    assert made.tolist() == [[-1, -20], [1, 20]] and made.dtype == torch.float32


def test_features_are_averaged_in_double_precision():
    rows = torch.full((3_000_000, 1), 0.1)
    assert mean_image(rows).item() == torch.tensor(0.1).item()


def test_a_mean_of_channels_takes_the_place_of_the_image(images, one_line):
    made = Pixels(images, mean=[1, 2.5, 3], scale=0.5)(images)
    wanted = (images.float() - torch.tensor([1, 2.5, 3]).reshape(3, 1, 1)) * 0.5
    assert torch.equal(made, wanted)
    with one_line("model.input.mean=[1.0]", "3 channels"):
        Pixels(images, mean=[1.0])


def test_pictures_in_files_bring_their_mean(one_line):
    class InFiles:
        shape = (5, 3, 8, 8)
        mean = (4.0, 5.0, 6.0)

    mean = Pixels(InFiles()).mean
    assert mean is not None and mean.shape == (3, 1, 1) and mean.flatten().tolist() == [4, 5, 6]
    other = Pixels(InFiles(), mean=[1.0, 2.0, 3.0]).mean
    assert other is not None and other.flatten().tolist() == [1, 2, 3]
    InFiles.mean = (1.0, 2.0)
    with one_line("dataset.load.mean=[1.0, 2.0]", "3 channels"):
        Pixels(InFiles())
    assert Pixels(InFiles(), subtract_mean=False).mean is None
