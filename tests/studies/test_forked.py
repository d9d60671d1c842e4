"""Work parted among forked processes: its order, its faults, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from disciplined.studies.forked import in_order


def told(name: str) -> str:
    time.sleep(0.2 if name == "a" else 0.0)  # the first is the last to be done
    return f"{name} by {os.getpid()}"


def test_results_come_in_order_from_other_processes():
    names = list("abcdefgh")
    found = [one.split(" by ") for one in in_order(told, names, 3, "killed")]
    assert [name for name, _ in found] == names
    makers = {int(pid) for _, pid in found}
    assert os.getpid() not in makers and 2 <= len(makers) <= 3


def test_one_process_is_this_one():
    assert list(in_order(told, ["b", "c"], 1, "")) == [f"{n} by {os.getpid()}" for n in "bc"]


def dies(name: str) -> str:
    if name == "c":
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_a_killed_process_costs_its_piece_alone():
    assert list(in_order(dies, list("abcdef"), 2, "killed")) == [*"ab", "killed", *"def"]


SLOW = """
import os, sys, time
from disciplined.studies.forked import in_order

def work(name):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(1.0)
    return "x" * 100_000  # more than a pipe holds

list(in_order(work, list("abcdef"), 2, ""))
"""


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_nobody_outlives_a_parent_that_is_killed():
    for number in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE) as parent:
            assert parent.stdout
            workers = [int(parent.stdout.readline()) for _ in range(2)]
            parent.send_signal(number)
            parent.wait(10)
            end = time.monotonic() + 20
            while any(map(alive, workers)) and time.monotonic() < end:
                time.sleep(0.1)
            assert not any(map(alive, workers))
