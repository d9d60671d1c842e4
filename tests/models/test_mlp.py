"""The tutorials' perceptrons: Keras's layers and initial values, and a sigmoid's loss exactly."""

import pytest
import torch
import torch.nn.functional as F
from networks import parameters

from disciplined.mistakes import Mistake
from disciplined.models.mlp import MLP


def test_blobs_network():
    torch.manual_seed(0)
    network = MLP([2], 3, [50], filler="he_uniform")
    assert parameters(network) == 2 * 50 + 50 + 50 * 3 + 3 == 303
    hidden, last = network.hidden[0], network.last
    assert hidden.weight.abs().max() <= 3**0.5 < hidden.weight.abs().max() * 1.1  # sqrt(6 / 2)
    bound = (6 / 53) ** 0.5
    assert last.weight.abs().max() <= bound < last.weight.abs().max() * 1.1
    assert not hidden.bias.any() and not last.bias.any()
    x = torch.randn(5, 2)
    expected = F.relu(x @ hidden.weight.T) @ last.weight.T
    torch.testing.assert_close(network(x), expected)


def test_ionosphere_network_is_one_sigmoid():
    torch.manual_seed(0)
    network = MLP([34], 2, [34], outputs=1)
    assert parameters(network) == 34 * 34 + 34 + 34 + 1 == 1225
    x = torch.randn(6, 34)
    logits = network(x)
    z = network.last(F.relu(network.hidden[0](x)))
    assert torch.equal(logits, torch.cat((torch.zeros(6, 1), z), 1))


def test_cross_entropy_of_its_logits_is_the_binary_one():
    """The same loss and gradients as Keras's binary cross-entropy of the sigmoid."""
    torch.manual_seed(0)
    network = MLP([34], 2, [34], outputs=1).double()
    x = torch.randn(40, 34, dtype=torch.float64)
    labels = torch.randint(2, (40,))
    loss = F.cross_entropy(network(x), labels)
    loss.backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    p = network.last(F.relu(network.hidden[0](x))).sigmoid().squeeze(1)
    binary = -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
    binary.backward()
    torch.testing.assert_close(loss, binary)
    torch.testing.assert_close(gradients, [p.grad for p in network.parameters()])
    assert torch.equal(network(x).argmax(1), (p > 0.5).long())


@pytest.mark.parametrize(("hidden", "count"), [([], 5), ([7, 3], 2 * 7 + 7 + 7 * 3 + 3 + 3 + 1)])
def test_any_number_of_hidden_layers(hidden, count):
    outputs = 1 if hidden else None
    network = MLP([2] if hidden else [4], 2 if hidden else 1, hidden, outputs=outputs)
    assert parameters(network) == count
    network(torch.randn(3, *([2] if hidden else [4]))).sum().backward()


def test_images_are_flattened():
    network = MLP([3, 4, 5], 6, [8])
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(network(x), network(x.flatten(1)))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"filler": "he"}, "model.network.filler=he: expected glorot_uniform, he_uniform, normal"),
        ({"last_filler": "msra"}, "model.network.last_filler=msra"),
        ({"classes": 3, "outputs": 1}, "model.network.outputs=1: these data have 3 classes"),
        ({"outputs": 3}, "model.network.outputs=3: these data have 2 classes; expected null, or 1"),
    ],
)
def test_mistakes(settings, named):
    with pytest.raises(Mistake) as found:
        MLP(**{"image_shape": [34], "classes": 2, "hidden": [34], **settings})
    assert str(found.value).startswith(named)
