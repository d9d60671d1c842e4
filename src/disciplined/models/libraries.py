"""Networks by name from torchvision and timm, so that any of theirs trains as the papers' do.

Neither package is needed otherwise: they are imported when asked for. Weights are initial ones,
drawn from torch's global generator; a network from elsewhere has no multipliers.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from typing import Any

from torch import nn

from disciplined.mistakes import Mistake
from disciplined.models.layers import image_size


def torchvision_network(
    name: str, classes: int, image_shape: Sequence[int], **settings: Any
) -> nn.Module:
    """torchvision's classifier `name` (resnet18, ...), untrained; other settings are its own.

    `[N, 3, H, W]` float to logits `[N, classes]`. Where a network offers auxiliary classifiers
    (GoogLeNet, Inception v3) they are left out: a run trains on one loss. Raises `Mistake` for a
    missing package, an unknown name or setting, and images of other than three channels.
    """
    models = _imported("torchvision.models")
    _known(name, models.list_models(module=models), "torchvision")
    channels, height, _ = image_size(image_shape, f"model.network.name={name}")
    if channels != 3:
        raise Mistake(
            f"model.network.name={name}: torchvision's networks take three channels, these images "
            f"have {channels}: use model=timm, whose networks take any"
        )
    if name in ("googlenet", "inception_v3"):
        settings = {"aux_logits": False, "init_weights": True, **settings}
    if name.startswith("vit_"):
        settings = {"image_size": height, **settings}
    return _made(name, models.get_model, weights=None, num_classes=classes, **settings)


def timm_network(name: str, classes: int, image_shape: Sequence[int], **settings: Any) -> nn.Module:
    """timm's network `name` (resnet26, ...), untrained; other settings are its own.

    `[N, C, H, W]` float of any C to logits `[N, classes]`. Networks made for one size of images
    take `model.network.img_size`. Raises `Mistake` for a missing package, an unknown name or
    setting.
    """
    timm = _imported("timm")
    _known(name, timm.list_models(), "timm")
    channels, _, _ = image_size(image_shape, f"model.network.name={name}")
    given = {"pretrained": False, "num_classes": classes, "in_chans": channels}
    return _made(name, timm.create_model, **given, **settings)


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise Mistake(
            f"model.network: {package.partition('.')[0]} cannot be imported ({error}): "
            "uv sync --extra vision"
        ) from error


def _known(name: str, names: list[str], package: str) -> None:
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    raise Mistake(f"model.network.name={name}: {package} has no such classifier{hint}")


def _made(name: str, make: Any, **settings: Any) -> nn.Module:
    try:
        return make(name, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise Mistake(f"model.network.name={name}: cannot be made as asked: {told}") from error
