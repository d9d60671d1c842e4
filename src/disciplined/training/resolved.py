"""A resolved config as plain mappings.

OmegaConf checks every access to a node, which takes most of the time of planning a run; a config in
which everything is resolved has been checked once and for all.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf


class Resolved(dict[str, Any]):
    """A mapping of a resolved config, its keys attributes too, as a `DictConfig` has them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no setting {name!r} among {', '.join(self)}") from None

    def at(self, key: str) -> Any:
        """The value at a dotted key; None where there is none."""
        found: Any = self
        for name in key.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def having(self, key: str, value: Any) -> "Resolved":
        """The same with another value at a dotted key; what is not on the way to it is shared."""
        first, _, rest = key.partition(".")
        return Resolved({**self, first: self[first].having(rest, value) if rest else value})


def resolved(cfg: DictConfig | Resolved) -> Resolved:
    """The config so; what its interpolations refer to in their place."""
    return cfg if isinstance(cfg, Resolved) else wrapped(OmegaConf.to_container(cfg, resolve=True))


def wrapped(value: Any) -> Any:
    """A value with every mapping in it a `Resolved`."""
    if isinstance(value, dict):
        return Resolved({str(key): wrapped(found) for key, found in value.items()})
    return [wrapped(found) for found in value] if isinstance(value, list) else value


def missing(value: Any, key: str = "") -> list[str]:
    """The dotted keys, in order, at which a value is still to be given (`???`)."""
    if isinstance(value, dict):
        found = [missing(part, f"{key}.{name}".lstrip(".")) for name, part in value.items()]
    elif isinstance(value, list):
        found = [missing(part, f"{key}[{i}]") for i, part in enumerate(value)]
    else:
        return [key] if value == "???" else []
    return sorted(one for part in found for one in part)
