"""A network that fails as it is told to, for sweeps whose jobs must not cost each other."""

import os
import signal
import socket
import sys
from pathlib import Path

from torch import Tensor, nn


def linear(classes: int, image_shape: tuple[int, ...], fate: str = "trains") -> nn.Module:
    """One layer; or an exception, an exit, or the end that the kernel makes where memory is out.

    One that `sees` writes down the GPUs that the process sees, once it trains.
    """
    match fate:
        case "raises":
            raise RuntimeError("planted")
        case "exits":
            sys.exit(1)
        case "is_killed":
            os.kill(os.getpid(), signal.SIGKILL)
    size = 1
    for length in image_shape:
        size *= length
    layers = [nn.Flatten(), nn.Linear(size, classes)]
    return nn.Sequential(*([Seeing()] if fate == "sees" else []), *layers)


class Seeing(nn.Module):
    """Leaves its input as it is."""

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            file = Path(os.environ["SEEN"], f"{socket.gethostname()}-{os.getpid()}")
            file.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "every"))
        return images
