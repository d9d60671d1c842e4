"""A study's settings in words: what all arms share, and what each has of its own."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from disciplined.columns import LENGTH
from disciplined.studies.recipes import defaults, recipe_text
from disciplined.studies.study import Study

DATA = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist": "MNIST",
    "imagenet": "ImageNet",
    "ionosphere": "Ionosphere",
    "blobs": "clouds of points",
    "digits": "8 × 8 digits",
}
MODELS = {
    "three_layer": "3-layer network",
    "three_layer_sigmoid_bn": "3-layer network, sigmoid and batch norm",
    "cifar10_quick": "cifar10_quick",
    "lenet": "LeNet",
    "resnet56": "ResNet-56",
    "wide_resnet32": "wide ResNet-32",
    "densenet40": "DenseNet-40",
    "resnet50": "ResNet-50",
    "inception_resnet_v2": "Inception-ResNet-v2",
    "alexnet": "AlexNet",
    "googlenet": "GoogLeNet",
    "superconv_resnet20": "ResNet-20",
    "superconv_resnet56": "ResNet-56",
    "superconv_resnet110": "ResNet-110",
    "superconv_resnet56_dropout": "ResNet-56 with dropout",
    "superconv_bottleneck56": "bottleneck ResNet-56",
    "superconv_resnext56": "ResNeXt-56",
    "table4_resnet": "CIFAR ResNet",
    "table4_stochastic_depth": "stochastic-depth ResNet",
    "mlp_blobs": "perceptron",
    "mlp_ionosphere": "perceptron",
}
SCHEDULES = {
    "onecycle": "1cycle",
    "onecycle_as_written": "1cycle as written",
    "multistep": "piecewise constant",
    "step": "step policy",
    "exp_range": "exp_range",
    "rex": "REX",
    "own": "a function of its own",
}
OPTIMIZERS = {
    "sgd": "SGD",
    "nesterov": "Nesterov",
    "sgd_pytorch": "SGD in PyTorch's convention",
    "nesterov_pytorch": "Nesterov in PyTorch's convention",
    "adam": "Adam",
    "adamw": "AdamW",
    "rmsprop": "RMSprop",
    "adagrad": "AdaGrad",
    "adadelta": "AdaDelta",
    "keras_sgd": "Keras's SGD",
    "keras_adam": "Keras's Adam",
    "keras_rmsprop": "Keras's RMSprop",
    "keras_adagrad": "Keras's AdaGrad",
}
UNITS = {"ep": ("epoch", "epochs"), "it": ("iteration", "iterations")}


def length(value: object) -> str:
    """A length in words: `41ep` is 41 epochs."""
    found = LENGTH.fullmatch(str(value))
    if not found:
        return plain(value)
    number, unit = float(found[1]), found[2]
    if unit == "dur":
        return "the whole run" if number == 1 else f"{100 * number:.3g} % of the run"
    return f"{number:,g} {UNITS[unit][number != 1]}" if number < 1e6 else f"{number:,.0f} {unit}"


def plain(value: object) -> str:
    """A value as it is written in a paper."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float | int):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, list):
        return ", ".join(length(one) for one in value)
    return length(value) if LENGTH.fullmatch(str(value)) else str(value)


@cache
def recipe(name: str) -> str:
    """A recipe in words: the comment its file begins with, without the pointer to the reference."""
    lines = recipe_text(name).splitlines()
    comment = next((line[2:] for line in lines if line.startswith("# ") and "@" not in line), name)
    words = re.sub(r"\s*\(reference[^)]*\)", "", comment).strip().rstrip(".")
    return words[0].lower() + words[1:] if words.startswith(("The ", "A ")) else words


def words(told: Mapping[str, Any], of: str = "") -> list[str]:
    """Overrides as phrases; what has no phrase of its own is told as `key: value`.

    of: the recipe that they are overrides of; where they choose as it does they say nothing.
    """
    by_itself = defaults(of)
    left = {key: value for key, value in told.items() if by_itself.get(key) != value}
    found: list[str] = []

    def take(key: str, phrase: str, how: Any = plain) -> None:
        if key in left:
            found.append(phrase.format(how(left.pop(key))))

    def departing(key: str, phrase: str, names: Mapping[str, str]) -> None:
        instead = " instead" * (key in by_itself)
        take(key, phrase + instead, lambda name: names.get(name, name))

    take("recipe", "{}", recipe)
    usual = ", " + OPTIMIZERS.get(by_itself.get("optimizer", ""), "")
    if found and "optimizer" in left and found[0].endswith(usual):  # not both, the one instead
        found[0] = found[0].removesuffix(usual)
        by_itself = {key: value for key, value in by_itself.items() if key != "optimizer"}
    departing("model", "{}", MODELS)
    departing("dataset", "on {}", DATA)
    take("duration", "{}", length)
    take("total_batch_size", "batches of {}")
    departing("optimizer", "{}", OPTIMIZERS)
    for group, noun in (("schedule", "rate"), ("momentum", "momentum")):
        found += hyper_parameter(left, group, noun)
    if "weight_decay.value" in left:
        take("weight_decay.value", "weight decay {}")
        left.pop("weight_decay", None)
    take("dataset.validation", "{} training images held out")
    take("batch_norm.maf", "batch norm's moving-average fraction {}")
    take("batch_norm.groups", "batch norm over {} groups")
    take(
        "evaluate_every", "tested every {}", lambda value: re.sub("^1 (?=[a-z])", "", length(value))
    )
    found += [f"{key.replace('_', ' ')}: {plain(value)}" for key, value in left.items()]
    return found


def hyper_parameter(left: dict[str, Any], group: str, noun: str) -> list[str]:
    """A schedule of the rate or the momentum; takes its keys out of `left`."""
    kind = left.pop(group, None)
    own = {k.partition(".")[2]: left.pop(k) for k in [*left] if k.startswith(f"{group}.")}
    parts: list[str] = []
    ends = [own.pop(k, None) for k in ("at_base_lr", "at_max_lr")]
    ends = ends if ends[0] is not None else [own.pop(k, None) for k in ("start", "end")]
    if None not in ends:
        parts.append(f"{noun} {plain(ends[0])}→{plain(ends[1])}")
    elif all(isinstance(own.get(k), int | float) for k in ("base_lr", "max_lr")):
        parts.append(f"{noun} {plain(own.pop('base_lr'))}–{plain(own.pop('max_lr'))}")
    elif "lr" in own or "value" in own:
        parts.append(f"{noun} {plain(own.pop('lr', own.pop('value', None)))}")
    if kind and not (group == "momentum" and kind in ("constant", "cyclical", "linear") and parts):
        parts.insert(0, SCHEDULES.get(kind, kind.replace("_", " ")))
    names = {"stepsize": "step size", "base_lr": "base rate", "max_lr": "maximum rate"}
    parts += [f"{names.get(k, k.replace('_', ' '))} {plain(v)}" for k, v in own.items()]
    return [", ".join(parts)] if parts else []


def told(study: Study) -> list[tuple[list[str], dict[str, list[str]]]]:
    """Families of arms (one recipe, one network, one data set each): what all of a family share,
    and what every arm has beside that (nothing where there is one arm)."""
    families: dict[tuple, list[str]] = {}
    for name, arm in study.arms.items():
        key = tuple(str(arm.get(group)) for group in ("recipe", "model", "dataset"))
        families.setdefault(key, []).append(name)
    found = []
    for names in families.values():
        first, *others = (study.arms[name] for name in names)
        of = str(first.get("recipe", ""))
        shared = {k: v for k, v in first.items() if all(k in arm and arm[k] == v for arm in others)}
        own = {
            study.label(name): words(
                {k: v for k, v in study.arms[name].items() if k not in shared}, of
            )
            for name in names
        }
        found.append((words(shared, of), own if others else {}))
    return found
