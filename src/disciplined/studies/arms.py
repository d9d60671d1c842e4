"""The arms of a study file: what is fixed, what each arm overrides, what is varied across them."""

import itertools
from typing import Any

from disciplined.checks import arm_name, mapping
from disciplined.mistakes import Mistake

Overrides = dict[str, Any]


def expand_arms(found: dict[str, Any], study: str) -> dict[str, Overrides]:
    """Every arm's overrides: `recipe` and `fixed` below the arm's own, crossed with `vary`.

    An arm that chooses a group anew (`momentum: constant`) drops what `fixed` set in that group.
    """
    fixed = {"recipe": found["recipe"]} if found.get("recipe") else {}
    fixed |= mapping(found.get("fixed"), f"{study}: fixed")
    own = {
        arm_name(name): mapping(told, f"{study}: arm {name}")
        for name, told in mapping(found.get("arms"), f"{study}: arms").items()
    }
    vary = mapping(found.get("vary"), f"{study}: vary")
    if not own and not vary:
        raise Mistake(f"{study}: neither arms nor vary says what is compared")
    for key, values in vary.items():
        if not isinstance(values, list) or not values:
            raise Mistake(f"{study}: vary {key}={values}: expected a list of values")
    arms: dict[str, Overrides] = {}
    for name, told in (own or {"": {}}).items():
        for values in itertools.product(*vary.values()):
            overrides = told | dict(zip(vary, values, strict=True))
            kept = {
                k: v
                for k, v in fixed.items()
                if not ("." in k and k.partition(".")[0] in overrides)
            }
            arms[", ".join([name] * bool(name) + [arm_name(v) for v in values])] = kept | overrides
    return arms
