"""Imported by the server that a sweep's runs are forked from: what each would else pay again.

Ten seconds of imports, and what a record says of the code and its commit.
"""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot
import sklearn.datasets  # noqa: F401

from disciplined.training import machine, run  # noqa: F401

machine.fingerprint()
machine.commit()
