"""Which images a run evaluates, and how many that comes to. No torch."""

from omegaconf import DictConfig

from disciplined.data.evaluation import Protocol
from disciplined.training.resolved import Resolved


def protocol(cfg: DictConfig | Resolved, images: int, *, test: bool) -> Protocol:
    """Which of `images` the k-th evaluation takes; only test images are ever taken as published."""
    if cfg.evaluation.protocol.name == "full" or not test:
        return Protocol.full(images, at_most=cfg.evaluation.images)
    published = cfg.model.published_test
    return Protocol.as_published(
        images, count=published.count, mirror=published.mirror, seed=cfg.seed
    )


def evaluated(cfg: Resolved, iterations: int, every: int) -> int:
    """Test images and held-out ones evaluated in a run, after every `every` updates and the last;
    an image counts each time."""
    held_out, evaluations = cfg.dataset.validation, -(-iterations // every)
    images = protocol(cfg, cfg.dataset.test_images, test=True).count
    if held_out:
        images += protocol(cfg, held_out, test=False).count
    return evaluations * images
