"""The fast path against the plain one, update by update; one thread against two; bf16 against fp32.

The plain path is written out here: whole batches in torch's default memory format, fp32, Caffe's
update parameter by parameter. Batch norm in groups and LRN, whose gradients are written by hand,
are the same in both; tests/models holds them against plain ones.
"""

import pytest
import torch
from torch.nn import functional as F

from disciplined.data.draws import mirror_flags
from disciplined.data.stream import Stream
from disciplined.training import assembly
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

pytestmark = pytest.mark.usefixtures("no_picture")
UPDATES = 8
COMMON = [
    "dataset=digits",
    f"duration={UPDATES}it",
    "schedule.stepsize=3it",
    "total_batch_size=64",
    "evaluate_every=1it",
    "dataset.mirror=true",  # digits should not be, but what is mirrored is the point here
    "augmentation=mirror",
    "trainer=cpu",
    "trainer.threads=1",
]
NETWORKS = {
    "three_layer": ["model=three_layer"],
    "superconv_resnet20": [
        "model=superconv_resnet20",
        "batch_norm.groups=4",
        "schedule.base_lr=0.001",
        "schedule.max_lr=0.01",
    ],
}


def rows(folder, *overrides: str):
    cfg = compose([*COMMON, *overrides, f"output_dir={folder}"])
    assert run(cfg, quiet=True) == 0
    return Record(plan(cfg).folder).rows()


def plain_rows(folder, *overrides: str) -> list[dict[str, float]]:
    """Training and test loss of every update, by the plain path."""
    torch.manual_seed(0)
    cfg = compose([*COMMON, *overrides, f"output_dir={folder}"])
    asked = plan(cfg)
    images, _ = assembly.loaded(cfg)
    network = assembly.network(cfg, asked, images)
    mean = (
        images.train_images.float().mean(0) if cfg.model.input.get("subtract_mean", True) else 0.0
    )
    scale = cfg.model.input.get("scale", 1.0)
    multipliers = getattr(network, "multipliers", {})
    velocities = {n: torch.zeros_like(p) for n, p in network.named_parameters()}
    stream = Stream(asked.train_images, asked.total_batch_size, cfg.seed)

    def loss_of(pictures, labels):
        return F.cross_entropy(network((pictures.float() - mean) * scale), labels)

    found = []
    for t in range(asked.iterations):
        indices = torch.from_numpy(stream.indices(t))
        pictures = images.train_images[indices].clone()
        flags = torch.from_numpy(mirror_flags(cfg.seed, t, asked.total_batch_size))
        pictures[flags] = pictures[flags].flip(-1)
        network.train().zero_grad()
        loss = loss_of(pictures, images.train_labels[indices])
        loss.backward()
        lr, m = asked.learning_rate.value(t), asked.momentum.value(t)
        with torch.no_grad():
            for name, p in network.named_parameters():
                lr_mult, decay_mult = multipliers.get(name, (1.0, 1.0))
                assert p.grad is not None
                gradient = p.grad + asked.weight_decay.value(t) * decay_mult * p
                old = velocities[name]
                velocities[name] = m * old + lr * lr_mult * gradient
                new = velocities[name]
                p -= (1 + m) * new - m * old if cfg.optimizer.nesterov else new
            network.eval()
            test = loss_of(images.test_images, images.test_labels)
        found.append({"train_loss": loss.item(), "test_loss": test.item()})
    return found


def near(rows, others, bound):
    """Losses of both kinds are equal to a relative bound, a function of the number of updates."""
    assert len(rows) == len(others) == UPDATES
    for t, (row, other) in enumerate(zip(rows, others, strict=True), start=1):
        for metric in ("train_loss", "test_loss"):
            assert row[metric] == pytest.approx(other[metric], rel=bound(t)), (t, metric)


def rounding(updates: int) -> float:
    """A few roundings of fp32, trebled by every update at these rates."""
    return 3e-7 * 3**updates


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_path_follows_the_plain_one_update_by_update(name, tmp_path):
    asked = [*NETWORKS[name], "precision=fp32"]
    near(rows(tmp_path, *asked), plain_rows(tmp_path, *asked), rounding)


@pytest.mark.parametrize("name", NETWORKS)
def test_two_threads_follow_one(name, tmp_path):
    asked = [*NETWORKS[name], "precision=fp32"]
    one, two = rows(tmp_path / "1", *asked), rows(tmp_path / "2", *asked, "trainer.threads=2")
    near(two, one, rounding)


@pytest.mark.parametrize("name", NETWORKS)
def test_bf16_follows_fp32_as_far_as_eight_bits_go(name, tmp_path):
    exact = rows(tmp_path, *NETWORKS[name], "precision=fp32")
    rounded = rows(tmp_path, *NETWORKS[name], "precision=bf16")
    assert rounded != exact, "bf16 was asked for and not used"
    near(rounded, exact, lambda _: 0.02)
