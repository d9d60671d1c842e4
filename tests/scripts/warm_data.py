"""Imported by the server that smoke runs are forked from: data are read once, not by every run."""

import functools
import os

from disciplined.data import cifar, mnist

for module, name in ((cifar, "cifar10"), (cifar, "cifar100"), (mnist, "mnist")):
    read = functools.cache(getattr(module, name))
    read(data_dir=os.environ["SMOKE_DATA"], download=True)  # as the configs call it
    setattr(module, name, read)
