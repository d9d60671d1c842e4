"""A network that fails as it is told to, for sweeps whose jobs must not cost each other."""

import os
import signal
import sys
from pathlib import Path

from torch import nn


def linear(classes: int, image_shape: tuple[int, ...], fate: str = "trains") -> nn.Module:
    """One layer; or an exception, an exit, or the end that the kernel makes where memory is out.

    `seen` writes down the GPUs that the process sees.
    """
    match fate:
        case "raises":
            raise RuntimeError("planted")
        case "exits":
            sys.exit(1)
        case "is_killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sees":
            folder = Path(os.environ["SEEN"])
            (folder / str(os.getpid())).write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "every"))
    size = 1
    for length in image_shape:
        size *= length
    return nn.Sequential(nn.Flatten(), nn.Linear(size, classes))
