"""Imported first by the server that runs are forked from: a process group of its own.

A signal to the command's whole group (Ctrl-C, `timeout`, a scheduler's) would else end the server
in the middle of its runs, which the command then could not wait for.
"""

import os

os.setpgrp()
