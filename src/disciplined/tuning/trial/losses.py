"""The loss of a batch, and what it says of its labels, where the caller does not say how."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from disciplined.mistakes import Mistake

IGNORED = -100  # torch's label of what does not count


def classified(model: nn.Module, batch: Any) -> Tensor:
    """Mean cross-entropy of (images, labels); of a mapping the loss that `model(**batch)` gives."""
    return answered(model, batch)[0]


def measured(model: nn.Module, batch: Any) -> dict[str, Any]:
    """`loss`; `accuracy` and `labels` where the answers are scores of classes."""
    loss, scores, labels = answered(model, batch)
    if scores is None or labels is None or scores.ndim < 2:
        return {"loss": loss}
    if labels.is_floating_point():
        return {"loss": loss, "accuracy": (scores.argmax(1) == labels.argmax(1)).float().mean()}
    if labels.shape != scores.shape[:1] + scores.shape[2:]:
        return {"loss": loss}
    counted = labels != IGNORED
    right = (scores.argmax(1) == labels)[counted].float().mean()
    # of one label an image, none left out, it is known what a constant answer scores
    known = {"labels": labels} if labels.ndim == 1 and bool(counted.all()) else {}
    return {"loss": loss, "accuracy": right} | known


def answered(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Loss, scores and labels of a batch; the latter None where there are none. Raises Mistake."""
    if isinstance(batch, Mapping):  # as the models of Hugging Face take it
        told = model(**batch)
        loss, scores = (entry(told, name) for name in ("loss", "logits"))
        if not isinstance(loss, Tensor):
            raise Mistake("batches: a mapping, but model(**batch) gives no loss; give loss=")
        return scalar(loss, "model(**batch).loss"), scores, batch.get("labels")
    try:
        images, labels = batch
    except (TypeError, ValueError):
        raise Mistake(
            "batches: expected (images, labels); give loss= for batches of another form"
        ) from None
    scores = model(images)
    if not isinstance(scores, Tensor) or not isinstance(labels, Tensor):
        raise Mistake(
            f"model gives {kind(scores)} for labels that are {kind(labels)}; expected scores of "
            "classes and class numbers; give loss="
        )
    if labels.is_floating_point() and not shares(scores, labels):
        raise Mistake("labels are no class numbers; give loss=, for example for regression")
    return nn.functional.cross_entropy(scores, labels), scores, labels


def shares(scores: Tensor, labels: Tensor) -> bool:
    """Whether labels are shares of every class, as cross-entropy takes them too."""
    if scores.shape != labels.shape or labels.ndim < 2 or labels.shape[1] < 2:
        return False
    return bool(((labels.sum(1) - 1).abs() < 1e-2).all() and (labels >= 0).all())


def entry(told: Any, name: str) -> Tensor | None:
    """A named part of what a model gives."""
    found = told.get(name) if isinstance(told, Mapping) else getattr(told, name, None)
    return found if isinstance(found, Tensor) else None


def scalar(loss: Any, who: str) -> Tensor:
    """A loss that is one number. Raises Mistake."""
    if not isinstance(loss, Tensor):
        raise Mistake(f"{who}: gave {kind(loss)}; expected the loss alone, a scalar tensor")
    if loss.numel() != 1:
        raise Mistake(f"{who}: gave a tensor of shape {list(loss.shape)}; expected its mean")
    return loss.reshape(())


def kind(value: Any) -> str:
    """What something is, in a word or two."""
    return "None" if value is None else f"a {type(value).__name__}"
