"""The cluster that a module's tests share; where there can be none, why."""

import contextlib
from collections.abc import Iterator

import pytest
import slurm


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A Slurm of two nodes."""
    if why := slurm.absent():
        pytest.skip(why)
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(slurm.two_nodes())
        except RuntimeError as error:  # as in a container that may not start it
            pytest.skip(f"Slurm is installed and does not start here: {error}")
        yield running
