"""The cluster that a module's tests share; where there can be none, why."""

from collections.abc import Iterator

import pytest
import slurm


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A Slurm of two nodes."""
    if why := slurm.absent():
        pytest.skip(why)
    with slurm.two_nodes() as running:
        yield running
