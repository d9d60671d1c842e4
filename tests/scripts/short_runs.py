"""A short run on the digits for the commands' tests, `train.py` in their process, and waiting."""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAIR = ["trainer=ddp", "trainer.accelerator=cpu"]  # two processes
SHORT = [
    "model=superconv_resnet20",
    "dataset=digits",
    "total_batch_size=64",
    "batch_norm.groups=4",
    "schedule.base_lr=0.02",
    "schedule.max_lr=0.2",
    "trainer=cpu",
    "trainer.threads=1",
]


def main(arguments: list[str]) -> int:
    """`train.py` in this process, which has paid for its imports."""
    sys.path.insert(0, str(ROOT))
    try:
        import train
    finally:
        sys.path.pop(0)
    return train.main(arguments)


def wait_for(folder: Path, name: str, lines: int, seconds: float = 120) -> Path:
    """The first file of this name under `folder`, once it has so many lines."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in folder.rglob(name):
            if len(path.read_text().splitlines()) >= lines:
                return path
        time.sleep(0.05)
    raise AssertionError(f"{name} did not reach {lines} lines in {seconds} s")
