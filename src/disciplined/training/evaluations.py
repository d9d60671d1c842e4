"""How many images a run evaluates. No torch."""

from disciplined.data.evaluation import Protocol
from disciplined.training.resolved import Resolved


def evaluated(cfg: Resolved, iterations: int, every: int) -> int:
    """Test images and held-out ones evaluated in a run, after every `every` updates and the last;
    an image counts each time. Which those are, `disciplined.training.assembly` decides."""
    at_most = cfg.evaluation.images
    images = Protocol.full(cfg.dataset.validation, at_most=at_most).count
    if cfg.evaluation.protocol.name == "as_published":
        images += cfg.model.published_test.count
    else:
        images += Protocol.full(cfg.dataset.test_images, at_most=at_most).count
    return -(-iterations // every) * images
