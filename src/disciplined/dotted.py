"""Nested settings by dotted keys."""

from typing import Any


def flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def group(name: str, settings: dict[str, Any]) -> Any:
    """A setting by its key; of a group of settings its name (`model` is `model.name`)."""
    if name in settings:
        return settings[name]
    if f"{name}.name" in settings:
        return settings[f"{name}.name"]
    target = settings.get(f"{name}._target_")
    return None if target is None else str(target).rpartition(".")[2]
