"""Parameter groups: which parameters share a multiplier of rate and decay.

The papers' networks give biases twice the rate and often no decay, and the last layer of the
three-layer network 250 times the decay (reference 0). A network says so itself, in `multipliers`.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn


def parameter_groups(
    network: nn.Module, multipliers: Mapping[str, tuple[float, float]] | None = None
) -> list[dict[str, Any]]:
    """The trainable parameters of `network`, grouped by their multipliers (rate, decay).

    `multipliers` maps a parameter's name to `(lr_mult, decay_mult)`; names it leaves out have
    (1, 1). Defaults to the network's own attribute `multipliers`, if it has one. Raises `KeyError`
    for a name that the network does not have.
    """
    chosen: Any = getattr(network, "multipliers", {}) if multipliers is None else multipliers
    parameters = dict(network.named_parameters())
    unknown = sorted(set(chosen) - set(parameters))
    if unknown:
        raise KeyError(f"multipliers name parameters that the network lacks: {', '.join(unknown)}")
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in parameters.items():
        if not parameter.requires_grad:
            continue
        lr_mult, decay_mult = chosen.get(name, (1.0, 1.0))
        group = groups.setdefault(
            (lr_mult, decay_mult), {"params": [], "lr_mult": lr_mult, "decay_mult": decay_mult}
        )
        group["params"].append(parameter)
    return list(groups.values())
