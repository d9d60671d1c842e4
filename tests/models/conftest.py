"""What the tests of compiled layers need."""

import pytest


@pytest.fixture
def compiler():
    """A fresh compiler cache before and after: other tests' graphs must not count."""
    import torch._dynamo.testing

    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
