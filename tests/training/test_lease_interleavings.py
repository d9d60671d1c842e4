"""The lease in every order in which three processes' requests can reach the file server.

A holder that was slow goes on while two others put it out and take its record. It is the code of
`lease.py` that runs, over a folder in memory; a request that changes something is two steps, the
look-up of its directories and the act upon them, so that each may also hang in between. What a
process does next follows from the answers that it has had, so a state is the folder and the answers
of each, and every state that can be reached is looked at once.
"""

import errno
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disciplined.training import lease
from disciplined.training.lease import HELD, Lease, Lost

FOLDER = Path("/run")
CHECKPOINTS = FOLDER / "checkpoints"
ROOT, KEPT = ("", 0), ("", 1)  # numbers of the folder and of that of the checkpoints
Number = tuple[str, int]
World = dict[Number, Any]  # a folder's number -> {name: number}; a file's -> its bytes
CHANGES = ("rename", "mkdir", "create", "overwrite", "unlink", "rmdir")


class Pause(BaseException):
    """The process asks for what has no answer yet."""


class Process:
    """Code that is run again from its beginning with the answers it has had."""

    def __init__(self, name: str, code: Callable[[], str]):
        self.name, self.code = name, code
        self.known: dict[tuple, Any] = {}

    def next(self, answers: tuple) -> Any:
        """What it asks next, or `("end", outcome)`."""
        if answers not in self.known:
            Server.process, Server.answers, Server.names = self, list(answers), 0
            try:
                self.known[answers] = ("end", self.code())
            except Pause as pause:
                self.known[answers] = pause.args
        return self.known[answers]


class Server:
    """What `lease.py` finds in the places of `os` and of its own small reads and writes."""

    process: Process
    answers: list
    names: int
    thread: int

    @staticmethod
    def ask(*request: Any) -> Any:
        if threading.get_ident() != Server.thread:  # another test's holder still counts
            raise OSError(errno.EIO, request)
        if not Server.answers:
            raise Pause(*request)
        kind, value = Server.answers.pop(0)
        if kind == "error":
            raise OSError(value, request)
        return value

    @staticmethod
    def fresh() -> str:
        Server.names += 1
        return f"{Server.process.name}{Server.names}"

    @staticmethod
    def rmtree(path: Path) -> None:
        for name in Server.ask("list", path):
            if stat.S_ISDIR(Server.ask("kind", path / name)):
                Server.rmtree(path / name)
            else:
                Server.ask("unlink", path / name)
        Server.ask("rmdir", path)


def lexists(path: Path) -> bool:
    try:
        Server.ask("kind", path)
    except OSError:
        return False
    return True


def ask(name: str) -> Callable:
    return lambda *given, **_: Server.ask(name, *given)


@pytest.fixture(autouse=True)
def in_memory(monkeypatch):
    """`lease.py` asks this server."""
    fake = SimpleNamespace(
        **{name: ask(name) for name in ("rename", "mkdir", "unlink", "rmdir")},
        lstat=lambda path: SimpleNamespace(st_mode=Server.ask("kind", path)),
        listdir=ask("list"),
        makedirs=lambda *_, **__: None,
        open=lambda path, *_: Server.ask("kind", path),
        close=lambda _: None,
        getpid=lambda: 1,
        path=SimpleNamespace(lexists=lexists),
        **dict.fromkeys(("O_RDONLY", "O_CREAT", "O_EXCL", "O_WRONLY"), 0),
        strerror=str,
        environ={},
    )
    monkeypatch.setattr(Server, "thread", threading.get_ident(), raising=False)
    monkeypatch.setattr(lease, "os", fake)
    monkeypatch.setattr(lease, "shutil", SimpleNamespace(rmtree=Server.rmtree))
    monkeypatch.setattr(lease, "fresh", Server.fresh)
    monkeypatch.setattr(lease, "nodes", SimpleNamespace(**dict.fromkeys(("this", "host"), str)))
    monkeypatch.setattr(lease.nodes, "started", lambda _: None, raising=False)
    monkeypatch.setattr(lease, "holders", lambda _: [])  # only for what is said
    monkeypatch.setattr(lease, "content", lambda _: b"")
    monkeypatch.setattr(
        lease,
        "written",
        lambda path, content, *flags: Server.ask(
            "overwrite" if flags else "create", path, b"" if path.name == "holder" else content
        ),
    )


# what the server does


class Refused(Exception):
    """An error number."""


def folder_of(world: World, path: Path) -> Number:
    """The number of the folder that a path is in."""
    at = ROOT
    for name in path.relative_to(FOLDER).parts[:-1]:
        entries = world[at]
        if not isinstance(entries, dict) or name not in entries:
            raise Refused(errno.ENOENT)
        at = entries[name]
    return at


def entry(world: World, at: Number, name: str) -> Number:
    if at not in world:
        raise Refused(errno.ESTALE)
    if not isinstance(world[at], dict) or name not in world[at]:
        raise Refused(errno.ENOENT)
    return world[at][name]


def found(world: World, request: tuple) -> tuple:
    """The first step: paths become folders and names."""
    return tuple(
        (folder_of(world, one), one.name) if isinstance(one, Path) else one for one in request
    )


def looked(world: World, kind: str, path: Path) -> Any:
    """What is there."""
    number = ROOT if path == FOLDER else entry(world, folder_of(world, path), path.name)
    there = world[number]
    if kind == "kind":
        return stat.S_IFDIR if isinstance(there, dict) else stat.S_IFREG
    if not isinstance(there, dict):
        raise Refused(errno.ENOTDIR)
    return tuple(sorted(there))


def acted(world: World, request: tuple, new: Number) -> None:
    """The second step, upon a copy of the world."""
    kind, (at, name), *rest = request
    if kind in ("mkdir", "create"):
        if at not in world:
            raise Refused(errno.ESTALE)
        if name in world[at]:
            raise Refused(errno.EEXIST)
        world[at] = world[at] | {name: new}
        world[new] = {} if kind == "mkdir" else rest[0]
        return
    number = entry(world, at, name)
    if kind == "overwrite":
        world[number] = rest[0]
        return
    if kind == "rmdir" and world[number]:
        raise Refused(errno.ENOTEMPTY)
    if kind == "rename":
        to, name_there = rest[0]
        if to not in world:
            raise Refused(errno.ESTALE)
        if (old := world[to].get(name_there)) is not None and old != number:
            if isinstance(world[old], dict) and world[old]:
                raise Refused(errno.ENOTEMPTY)
            del world[old]
    world[at] = {k: v for k, v in world[at].items() if k != name}
    if kind == "rename":
        world[to] = world[to] | {name_there: number}  # pyright: ignore
    else:
        del world[number]


def step(
    world: World, process: Process, answers: tuple, hanging: Any, hangs: bool = False
) -> tuple:
    """One step of a process: the world, its answers, and what of it hangs, afterwards."""
    request = process.next(answers)
    if request[0] == "mark":
        return world, (*answers, ("marked", None)), None
    world = dict(world)
    try:
        if request[0] not in CHANGES:
            return world, (*answers, ("answer", looked(world, *request))), None
        if hangs and hanging is None:
            return world, answers, found(world, request)
        acted(world, hanging or found(world, request), (process.name, len(answers)))
    except Refused as refused:
        return world, (*answers, ("error", refused.args[0])), None
    return world, (*answers, ("answer", None)), None


def alone(world: World, process: Process) -> tuple[World, str]:
    """A process to its end, nobody else asking."""
    answers, hanging = (), None
    while (request := process.next(answers))[0] != "end":
        world, answers, hanging = step(world, process, answers, hanging)
    return world, request[1]


# the processes


def beginning() -> str:
    assert lease.take(FOLDER)
    return "took"


def slow(acts: str) -> Callable[[], str]:
    """Holds the record from before, and goes on: writes a checkpoint, removes the older one."""

    def code() -> str:
        held = Lease(FOLDER, "o1", 60)
        try:
            if "save" in acts:
                part = held.part()
                with held.fenced():
                    lease.written(part, b"slow")
                held.commit(part, CHECKPOINTS / "2")
            if "remove" in acts:
                held.remove(CHECKPOINTS / "1")
        except Lost:
            return "lost"
        held.release()
        return "released"

    return code


def taker() -> str:
    lease.put_out(FOLDER, "o1")
    held = lease.take(FOLDER)
    if held is None:
        return "busy"
    before = Server.ask("mark", "holds")
    before = Server.ask("list", CHECKPOINTS)
    part = held.part()
    lease.written(part, b"new")
    held.commit(part, CHECKPOINTS / "3")
    after = Server.ask("list", CHECKPOINTS)
    assert set(after) == {*before, "3"}, "another changed what this one holds"
    Server.ask("mark", "released")
    held.release()
    return "trained"


def brief() -> str:
    """A taker that goes no further than to hold the record."""
    lease.put_out(FOLDER, "o1")
    if lease.take(FOLDER) is None:
        return "busy"
    Server.ask("mark", "holds")
    return "trained"


def healer() -> str:
    """Comes when all the others have died, and their leases lapsed."""
    for token in lease.signs(FOLDER):
        lease.put_out(FOLDER, token)
    assert lease.take(FOLDER)
    return "took"


def explore(acts: str, takers: int, hang: bool) -> dict[tuple[str, ...], int]:
    """Every state looked at; how often the processes ended so."""
    world: World = {ROOT: {"checkpoints": KEPT}, KEPT: {"1": ("", 2)}, ("", 2): b"old"}
    world, _ = alone(world, Process("o", beginning))
    code = taker if takers == 1 else brief
    processes = [Process("tu"[i], code) for i in range(takers)]
    processes += [Process("s", slow(acts))] if acts else []
    last = Process("h", healer)
    start = (world, ((),) * len(processes), (None,) * len(processes))
    seen, ends, stack = set(), {}, [start]
    healed: set = set()
    while stack:
        world, answers, hanging = stack.pop()
        frozen = frozenset(
            (k, frozenset(v.items()) if isinstance(v, dict) else v) for k, v in world.items()
        )
        if (mark := (frozen, answers, hanging)) in seen:
            continue
        seen.add(mark)
        assert sum(map(holds, answers)) < 2, "two hold the record"
        if frozen not in healed:
            healed.add(frozen)
            after, _ = alone(world, last)
            assert set(after[ROOT]) == {"checkpoints", HELD}, "something is left lying about"
            assert after[KEPT] == world[KEPT], "what was saved is lost"
        moved = False
        for i, process in enumerate(processes):
            request = process.next(answers[i])
            if request[0] == "end":
                continue
            moved = True
            then, its, hangs = step(world, process, answers[i], hanging[i], hang)
            if then.get(KEPT) != world.get(KEPT):
                who = [p.name for p, a in zip(processes, answers, strict=True) if holds(a)]
                assert who in ([], [process.name]), "changed by who does not hold it"
            stack.append(
                (
                    then,
                    (*answers[:i], its, *answers[i + 1 :]),
                    (*hanging[:i], hangs, *hanging[i + 1 :]),
                )
            )
        if not moved:
            outcome = tuple(p.next(a)[1] for p, a in zip(processes, answers, strict=True))
            ends[outcome] = ends.get(outcome, 0) + 1
            assert set(world[ROOT]) <= {"checkpoints", HELD}, "something is left lying about"
            assert takers > 1 or not world.get(world[ROOT].get(HELD)), "nobody let it go"
            assert outcome.count("trained") == 1
    print(len(seen), "states", ends)
    return ends


def holds(answers: tuple) -> bool:
    """Whether a taker holds the record as far as it knows: between its marks."""
    return sum(kind == "marked" for kind, _ in answers) == 1


CASES = {
    "a slow holder that removes, a taker": ("remove", 1, False),
    "a slow holder that saves and removes, a taker": ("save remove", 1, False),
    "a slow holder and a taker, requests that hang": ("save remove", 1, True),
    "two takers of what a dead one held": ("", 2, False),
}
QUICK = 1


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * (n >= QUICK)) for n, c in enumerate(CASES)]
)
def test_every_order(case):
    ends = explore(*CASES[case])
    if "slow" in case:
        assert {holder for *_, holder in ends} == {"lost", "released"}
