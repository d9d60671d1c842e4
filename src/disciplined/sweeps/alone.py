"""Imported first by the server that runs are forked from: a process group of its own.

A signal to the command's whole group (Ctrl-C, `timeout`) or to every process of a scheduler's job
would else end the server in the middle of its runs, which the command then could not wait for.
"""

import os
import signal

from disciplined.ending import SIGNALS

os.setpgrp()
for number in SIGNALS:  # a run takes them back (`worker.train_one`)
    signal.signal(number, signal.SIG_IGN)
