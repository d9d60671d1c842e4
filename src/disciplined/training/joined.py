"""The processes that `srun` or `torchrun` started for one run: they begin, fail and end together.

They meet at torch's key-value store before there is a process group, so that a mistake is told once
and by whoever made it, and only the first process decides what the disk says. While they train a
thread of each keeps telling that it lives: a node that lost its power closes no connection, and a
collective operation would wait for it half an hour.
"""

import contextlib
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from torch.distributed import DistError, TCPStore

from disciplined.ending import DONE, FAULT, MISTAKE
from disciplined.mistakes import Mistake
from disciplined.training import launch as launching
from disciplined.training.launch import Launch, Ranks

T = TypeVar("T")
PATIENCE = timedelta(minutes=10)  # for the slowest to be there
FOREVER = timedelta(days=365)  # those that wait are watched
BEAT = 2.0  # seconds between two signs of life
SILENCE = 30  # beats without another's: by one's own, or a suspended job would end itself
GRACE = 10.0  # seconds for a process to end by the connection that it lost
LAST = 60.0  # seconds that the first process waits for the others to end
ALIVE, LEFT, FAILED = "alive", "left", "failed"
NOTHING = "nothing is heard of it"
# torch's words for a process that is gone in the middle of a collective operation
LOST_PEER = re.compile(r"gloo|NCCL|Connection (closed|reset|refused)|Broken pipe|timed? ?out", re.I)


class Joined(Ranks):
    """As `Ranks`; to be entered, which waits for all of them."""

    def __init__(self, launch: Launch):
        super().__init__(launch)
        self.host = socket.gethostname()
        self.names = [""] * launch.size  # where each runs
        self.rounds = self.beats = 0
        self.state = ALIVE
        self.over = threading.Event()  # this process is at its end
        self.share = 1

    @property
    def joined(self) -> bool:
        """Always."""
        return True

    def __enter__(self) -> "Joined":
        """Meet the others. Raises `Mistake` where that cannot be."""
        host, port = launching.place()
        os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = host, str(port)  # for torch as well
        agents = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        names = (
            "TORCHELASTIC_RUN_ID",
            "TORCHELASTIC_RESTART_COUNT",
            "SLURM_JOB_ID",
            "SLURM_STEP_ID",
        )
        self.attempt = " ".join(os.environ.get(name, "") for name in names)
        try:
            self.store, self.pulse = (  # one that waits, one that must not
                TCPStore(
                    host,
                    port,
                    is_master=self.leads and not agents and first,
                    multi_tenant=True,
                    wait_for_workers=False,
                    timeout=PATIENCE,
                )
                for first in (True, False)
            )
        except (DistError, RuntimeError) as error:
            why = str(error).splitlines()[0]
            raise Mistake(
                f"MASTER_ADDR={host} MASTER_PORT={port}: the processes of this run cannot meet "
                f"there ({why}); set them to an address of the first node and a free port"
            ) from None
        self.say(self.store)
        node = os.environ.get("SLURMD_NODENAME", self.host)
        given = {"node": node, "host": self.host, "cores": launching.cores()}
        try:
            told = self.gathered(given, PATIENCE)
        except Gone as lost:
            raise Mistake(
                f"of the {self.launch.size} processes that {self.launch.by} started not all came "
                f"within {PATIENCE.seconds // 60} minutes; see what the others say"
            ) from lost
        self.names = [f"rank {rank} on {one['node']}" for rank, one in enumerate(told)]
        self.share = share(given, told, self.launch)
        for watcher in (self.watch, self.attend):
            threading.Thread(target=watcher, daemon=True, name="ranks").start()
        return self

    def cores(self, devices: int) -> int:
        """This process's share of the cores that those of its machine may use."""
        return self.share

    def key(self, name: str) -> str:
        """A name in the store that is this attempt's own."""
        return f"disciplined/{self.attempt}/{name}"  # what listens may be another run's

    def gathered(self, value: T, patience: timedelta = FOREVER) -> list[T]:
        """Every process's value."""
        self.rounds += 1
        keys = [self.key(f"{self.rounds}/{rank}") for rank in range(self.launch.size)]
        try:
            self.store.set(keys[self.launch.rank], json.dumps(value))
            self.store.wait(keys, patience)
            return [json.loads(one) for one in self.store.multi_get(keys)]
        except (DistError, RuntimeError) as error:
            raise Gone(str(error)) from None

    def round(self, do: Callable[[], T] | None, share: bool = False) -> tuple[T | None, Any]:
        """What `do` returns here, and of the first process too where it is to be shared."""
        value, error, failure = None, None, None
        try:
            value = do() if do else None
        except Exception as raised:
            error = raised
            failure = [MISTAKE, str(raised)] if isinstance(raised, Mistake) else [FAULT, ""]
        shared = value if share and self.leads and not error else None
        told: list[Any] = self.gathered([failure, shared])
        if failures := {rank: one for rank, (one, _) in enumerate(told) if one}:
            self.over.set()
            first = min(failures)
            status, text = failures[first]
            if error is None or first != self.launch.rank:
                raise SystemExit(status)
            if first and status == MISTAKE:  # not the first process's: of this node
                raise Mistake(f"{self.names[first]}: {text}") from error
            raise error
        return value, told[0][1]

    def agreed(self, do: Callable[[], T]) -> T:
        """What `do` returns here."""
        return self.round(do)[0]  # pyright: ignore

    def in_turn(self, do: Callable[[], T]) -> T:
        """What `do` returns here."""
        mine = 0 if self.leads else 2 if self.launch.local_rank else 1
        values = [self.round(do if turn == mine else None)[0] for turn in range(3)]
        return values[mine]  # pyright: ignore

    def decided(self, do: Callable[[], T]) -> T:
        """What it returns in the first process."""
        return self.round(do if self.leads else None, share=True)[1]

    def same(self, facts: dict[str, Any]) -> None:
        """Raise `Mistake` unless every process found the same: setting -> value."""
        told = self.gathered(facts)

        def compare() -> None:
            for other, name in zip(told, self.names, strict=True):
                for setting, value in told[0].items():
                    if other[setting] != value:
                        raise Mistake(
                            f"{setting}: {self.names[0]} found {value}, {name} found "
                            f"{other[setting]}; they train one run and need the same"
                        )

        self.agreed(compare)

    def say(self, store: TCPStore) -> None:
        """Tell what becomes of this process."""
        store.set(self.key(f"state/{self.launch.rank}"), f"{self.state} {self.beats}")

    def states(self, store: TCPStore) -> list[str]:
        """What was last told of each."""
        keys = [self.key(f"state/{rank}") for rank in range(self.launch.size)]
        return [state.decode() for state in store.multi_get(keys)]

    def watch(self) -> None:
        """Live, and see that the others do; end this process where one does not."""
        seen, silent = [""] * self.launch.size, [0] * self.launch.size
        while not self.over.wait(BEAT):
            self.beats += 1
            try:
                self.say(self.pulse)
                told = self.states(self.pulse)
            except (DistError, RuntimeError):  # went with the process that kept the store
                return self.lose("the first process")
            for rank, state in enumerate(told):
                silent[rank] = (
                    0 if state != seen[rank] or state.startswith(LEFT) else silent[rank] + 1
                )
                if state.startswith(FAILED):
                    return self.lose("")
                if silent[rank] >= SILENCE:
                    return self.lose(self.names[rank])
            seen = told
        return None

    def attend(self) -> None:
        """End this process where `watch` comes no further: the store's node fell silent, and no
        time limit of torch's ends a read from it."""
        seen, silent = self.beats, 0
        while not self.over.wait(BEAT):
            seen, silent = self.beats, silent + 1 if seen == self.beats else 0
            if silent >= SILENCE:
                return self.lose(self.names[0], answers=False)
        return None

    def lose(self, who: str, answers: bool = True) -> None:
        """End this process, which may be waiting for one that is gone; empty: that failed.
        answers: whether the store does."""
        if self.over.wait(GRACE if who else BEAT):
            return
        if answers:
            self.tell(who)
            self.state = LEFT
            with contextlib.suppress(DistError, RuntimeError):
                self.say(self.pulse)
        else:
            self.print(who)
        sys.stdout.flush()
        if self.leads:  # and keeps the store, where the others ask whether it is said
            time.sleep(2 * BEAT)
        os._exit(FAULT)

    def tell(self, who: str, why: str = NOTHING) -> None:
        """Say that another is gone, unless that is said; empty: it has said itself why."""
        try:
            first = bool(who) and self.pulse.add(self.key("told"), 1) == 1
        except (DistError, RuntimeError):
            first = True
        if first:
            self.print(who, why)

    def print(self, who: str, why: str = NOTHING) -> None:
        """Say it, whoever else does."""
        print(
            f"train.py: {self.names[self.launch.rank]}: {who} of this run is gone ({why}); "
            "give the same command again: it goes on from the last checkpoint",
            file=sys.stderr,
            flush=True,
        )

    def left(self, status: int) -> int:
        """The first process's status: torchrun waits for a node that ended well, while srun takes
        the highest, and may end what still runs when one ends ill."""
        try:
            if self.leads:
                self.store.set(self.key("end"), str(status))
            self.store.wait([self.key("end")], FOREVER)
            status = int(self.store.get(self.key("end")))
        except (DistError, RuntimeError) as error:
            raise Gone(str(error)) from None
        self.leave(LEFT, LAST)
        return status if self.leads or self.launch.by == "torchrun" else DONE

    def leave(self, state: str, patience: float) -> None:
        """Tell that this process ends; the first, which may keep the store, after the others."""
        self.state = state
        until = time.monotonic() + patience
        with contextlib.suppress(DistError, RuntimeError):  # it went with another
            self.say(self.store)
            while self.leads and any(one.startswith(ALIVE) for one in self.states(self.store)):
                if time.monotonic() > until:
                    break
                time.sleep(0.05)
        self.over.set()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Tell the others of what ends this process, unless it is one of them that did."""
        if error is None or self.over.is_set():  # by agreement
            if self.state == ALIVE:
                self.leave(LEFT, LAST)
        elif isinstance(error, Exception) and (who := self.cause(error)) is not None:
            self.tell(who, str(error).splitlines()[0])
            self.leave(LEFT, 2 * BEAT)
            raise SystemExit(FAULT) from None
        else:
            self.leave(FAILED, LAST)

    def cause(self, error: Exception) -> str | None:
        """Who is gone (empty: has said so), where `error` only follows from that; else None."""
        if not isinstance(error, Gone | DistError) and not (
            isinstance(error, RuntimeError) and LOST_PEER.search(str(error))
        ):
            return None
        for _ in range(10):  # one that failed says so before its connections close, or just behind
            try:
                told = self.states(self.store)
            except (DistError, RuntimeError):
                return "the first process"
            if any(state.startswith(FAILED) for state in told):
                return ""
            time.sleep(0.1)
        return "another process"


class Gone(Exception):
    """The store, and with it the process that keeps it, is gone."""


def share(mine: dict[str, Any], told: list[dict[str, Any]], launch: Launch) -> int:
    """Cores for this process: of each that it may use a part, if others on its host may too; no
    more than Slurm gave."""
    here = [set(one["cores"]) for one in told if one["host"] == mine["host"]]
    most = sum(1 / sum(core in other for other in here) for core in mine["cores"])
    if launch.by == "srun":
        given = os.environ.get("SLURM_CPUS_PER_TASK")
        node = int(os.environ.get("SLURM_CPUS_ON_NODE", len(mine["cores"])))
        most = min(most, int(given) if given else node / launch.local_size)
    return max(1, int(most + 1e-9))
