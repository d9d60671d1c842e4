"""A curve is what was measured, checked once."""

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.tuning.reading.curve import Curve


def test_lists_become_columns_and_cannot_be_changed():
    given = np.array([1.0, 2.0, 3.0])
    curve = Curve([0.1, 0.2, 0.3], val_loss=given)  # type: ignore[arg-type]
    given[0] = 9
    assert curve.values.dtype == np.float64 and curve.val_loss is not None
    assert curve.val_loss.tolist() == [1, 2, 3] and curve.train_loss is None
    with pytest.raises(ValueError, match="read-only"):
        curve.val_loss[0] = 0


def test_measured_leaves_out_what_is_not_finite():
    curve = Curve(np.arange(4.0), train_loss=np.array([2.0, np.nan, 1.0, np.inf]))
    x, y = curve.measured("train_loss")
    assert (x.tolist(), y.tolist()) == ([0, 2], [2, 1])
    assert curve.measured("val_accuracy")[0].size == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"values": [0.1, 0.1]}, "rise from point to point"),
        ({"values": [0.1, np.nan]}, "must be finite"),
        ({"values": [0.0, 1.0], "shape": "exponential"}, "begins above 0"),
        ({"values": [0.1, 1.0], "shape": "cosine"}, "linear or exponential"),
        ({"values": [0.1, 1.0], "val_loss": [1.0]}, "val_loss has 1 points, values has 2"),
        ({"values": [0.1, 1.0], "diverged_at": np.nan}, "diverged_at is nan"),
    ],
)
def test_what_cannot_be_a_range_test_is_a_mistake(settings: dict, said: str):
    with pytest.raises(Mistake, match=said):
        Curve(**settings)
