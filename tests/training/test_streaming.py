"""A run over pictures in files: the same bytes with any number of processes, and after a stop."""

import os
import signal
from pathlib import Path

import pytest
import torch
from pictures import folder
from required import absent
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.training import assembly, parts
from disciplined.training.batches import Batch
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

pytestmark = pytest.mark.usefixtures("no_picture")
HERE = Path(__file__).parent
# A constant before batch norm, which takes it off again: only rounding moves it, or does not.
CANCELLED = {"block8.conv2d.bias"}

NET = [
    "model=lenet",
    "schedule=constant",
    "schedule.lr=0.003",
    "model.input.subtract_mean=true",
    "+model.input.mean=[120,115,105]",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
]
SMALL = [
    *NET,
    "dataset=large_folder",
    "dataset.load.size=16",
    "dataset.load.resize=20",
    "total_batch_size=4",
    "duration=6it",
    "evaluate_every=2it",
    "augmentation=mirror_crop",
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return folder(tmp_path_factory.mktemp("pictures"), sizes=((24, 20), (18, 40)))


def trained(root: Path, pictures: Path, *overrides: str) -> tuple[int, Record]:
    chosen = [f"dataset.load.data_dir={pictures}", f"output_dir={root}", *overrides]
    cfg = compose([*SMALL, *chosen])
    return run(cfg, quiet=True), Record(plan(cfg).folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, pictures) -> Record:
    status, record = trained(tmp_path_factory.mktemp("whole"), pictures, "trainer.workers=0")
    assert status == 0
    losses = [row["test_loss"] for row in record.rows()]
    assert len(set(losses)) == 3, "it learns, so that other bytes would show"
    return record


def test_any_number_of_processes_gives_the_same_bytes(whole, tmp_path, pictures):
    status, record = trained(tmp_path, pictures, "trainer.workers=2")
    assert status == 0
    assert record.folder.name == whole.folder.name, "the key knows nothing of the workers"
    assert record.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


def test_parts_of_a_batch_are_the_batch(whole, tmp_path, pictures):
    status, record = trained(tmp_path, pictures, "trainer.workers=1", "trainer.accumulate=2")
    assert status == 0
    for ours, theirs in zip(record.rows(), whole.rows(), strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-5)
        assert ours["test_loss"] == pytest.approx(theirs["test_loss"], rel=1e-5)


class Alone:
    """What a run of one process says of itself."""

    global_rank, world_size = 0, 1


class Interrupt(parts.Progress):
    """Sends this process a signal in the middle of an epoch, between two rows."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx + 1 == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_was_stopped_goes_on_byte_for_byte(
    whole, tmp_path, pictures, monkeypatch, workers
):
    monkeypatch.setattr(parts, "Progress", Interrupt)
    chosen = [f"dataset.load.data_dir={pictures}", f"output_dir={tmp_path}"]
    cfg = compose([*SMALL, *chosen, f"trainer.workers={workers}"])
    assert run(cfg) == 130
    monkeypatch.undo()
    status, record = trained(tmp_path, pictures, f"trainer.workers={2 - workers}")
    assert status == 0
    summary = record.summary()
    assert summary is not None and summary["machine"]["resumed_at"] == 3
    assert record.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


def test_validation_is_held_out_of_the_pictures(tmp_path, pictures):
    status, record = trained(tmp_path, pictures, "dataset.validation=2", "duration=2it")
    assert status == 0 and record.rows()[-1]["val_loss"] is not None


def test_the_seed_draws_the_crops(pictures):
    """Of pictures in a fixed order, which nothing else is done to."""

    def batches(seed: int) -> list[Batch]:
        fixed = ["dataset.order=file", "augmentation=none", "trainer.workers=0", f"seed={seed}"]
        cfg = compose([*SMALL, f"dataset.load.data_dir={pictures}", *fixed])
        images, _ = assembly.loaded(cfg)
        return list(assembly.batches(cfg, plan(cfg), Alone(), images, 0))  # pyright: ignore

    first, again, other = batches(0), batches(0), batches(1)
    for one, same, unlike in zip(first, again, other, strict=True):
        assert one.indices.tolist() == same.indices.tolist() == unlike.indices.tolist()
        assert one.flags is None and one.corners is None
        assert one.pictures is not None and unlike.pictures is not None
        assert torch.equal(one.pictures, same.pictures)
        differ = (one.pictures != unlike.pictures).flatten(1).any(1)
        assert differ.all(), "each of them is cropped elsewhere"


def test_a_picture_that_cannot_be_read_ends_the_run_in_one_line(tmp_path):
    root = folder(tmp_path / "pictures", sizes=((24, 20),))
    (root / "train" / "cat" / "2.PNG").write_bytes(b"not a picture")
    with pytest.raises(Mistake) as found:
        trained(tmp_path, root, "trainer.workers=1")
    assert "cat/2.PNG: is no picture" in str(found.value) and "\n" not in str(found.value)


def test_the_sets_mean_is_subtracted(whole, tmp_path, pictures):
    """What `whole` gives the network itself, given by the data set."""
    settings = [o for o in SMALL if not o.startswith("+model.input.mean")]
    place = [f"dataset.load.data_dir={pictures}", f"output_dir={tmp_path}"]
    cfg = compose([*settings, *place, "dataset.load.mean=[120,115,105]", "trainer.workers=0"])
    assert run(cfg, quiet=True) == 0
    rows = Record(plan(cfg).folder).metrics_file.read_bytes()
    assert rows == whole.metrics_file.read_bytes()
    assert plan(cfg).key != plan(compose([*settings, *place])).key


@pytest.fixture
def imagenette(tmp_path) -> list[str]:
    """Settings that train on the real mini set as if it were ImageNet."""
    data = os.environ.get("DISCIPLINED_DATA", HERE.parents[1] / "data")
    mini = Path(data).resolve() / "imagenette-mini"
    if not mini.is_dir():
        absent(f"imagenette-mini ({mini})")
    (tmp_path / "imagenet").symlink_to(mini)
    counts = ["dataset.train_images=410", "dataset.test_images=100", "dataset.classes=10"]
    return ["dataset=imagenet", *counts, f"data_dir={tmp_path}", f"output_dir={tmp_path}"]


@pytest.mark.data
def test_two_updates_on_imagenets_pictures(imagenette):
    """The third paper's crops of 230 pixels, mirrored, from the real mini set."""
    settings = ["duration=2it", "total_batch_size=16", "augmentation=mirror", "trainer.workers=2"]
    cfg = compose([*NET, "model=three_layer", *imagenette, *settings])
    assert run(cfg, quiet=True) == 0
    summary = Record(plan(cfg).folder).summary()
    assert summary is not None and summary["result"]["final"]["test_loss"] > 0


# The crops of clr's two; of the third paper's, which take any, fewer pixels than its 230.
@pytest.mark.data
@pytest.mark.parametrize(
    ("model", "size"),
    [("alexnet", 227), ("googlenet", 224), ("resnet50", 64), ("inception_resnet_v2", 96)],
)
def test_imagenets_networks_take_two_updates_on_its_pictures(model, size, imagenette, monkeypatch):
    """As they come, from the files to a row, the weights moved by the rate that was asked."""
    if model in ("resnet50", "inception_resnet_v2"):
        pytest.importorskip("torchvision")
        pytest.importorskip("timm")
    made: list[nn.Module] = []
    before: list[dict[str, torch.Tensor]] = []

    def network(*asked):
        made.append(original(*asked))
        before.append({k: v.detach().clone() for k, v in made[-1].named_parameters()})
        return made[-1]

    original = assembly.network
    monkeypatch.setattr(assembly, "network", network)
    settings = [
        f"model={model}",
        f"dataset.load.size={size}",
        f"dataset.load.resize={size + 8}",
        "schedule=constant",
        "schedule.lr=1e-4",
        "duration=2it",
        "evaluate_every=1it",
        "total_batch_size=2",
        "evaluation.images=2",
        "precision=fp32",
        "trainer=cpu",
        "trainer.threads=1",
        "trainer.workers=0",
    ]
    cfg = compose([*imagenette, *settings])
    assert run(cfg, quiet=True) == 0
    rows = Record(plan(cfg).folder).rows()
    assert [row["iteration"] for row in rows] == [1, 2]
    # ten classes by chance: ln 10 = 2.3, and more where raw pixels meet fresh weights
    assert all(1 < float(row["train_loss"] or 0) < 30 for row in rows)
    after = dict(made[0].named_parameters())
    still = [name for name, value in before[0].items() if torch.equal(after[name], value)]
    assert set(still) <= CANCELLED, "every parameter is trained"
