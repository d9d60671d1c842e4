"""Independent pieces of work on several cores: forked processes that take the next one each."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_order(
    work: Callable[[str], Result], names: Sequence[str], processes: int, killed: Result
) -> Iterator[Result]:
    """`work` of every name, in their order, each as soon as it and those before it are done.

    In this process where one would do or the system cannot fork. killed: what stands for a piece
    whose process died. Nothing outlives this process: a worker whose results nobody reads ends.
    """
    if min(processes, len(names)) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(work, names)
        return
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    readers: list[Connection] = []
    workers = []
    for _ in range(min(processes, len(names))):
        reader, writer = context.Pipe(duplex=False)
        readers.append(reader)
        worker = context.Process(
            target=serve, args=(work, names, taken, writer, list(readers)), daemon=True
        )
        worker.start()
        writer.close()
        workers.append(worker)
    done: dict[int, Result] = {}
    told, open_ones = 0, list(readers)
    try:
        while open_ones:
            for reader in wait(open_ones):
                assert isinstance(reader, Connection)
                try:
                    number, result = reader.recv()
                    done[number] = result
                except EOFError:  # nothing left to take, or killed
                    open_ones.remove(reader)
            while told in done:
                yield done.pop(told)
                told += 1
        for number in range(told, len(names)):
            yield done.pop(number, killed)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def serve(
    work: Callable[[str], Any],
    names: Sequence[str],
    taken: Any,
    writer: Connection,
    readers: list[Connection],
) -> None:
    """A worker's life. Ctrl-C reaches the whole group: the parent ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for reader in readers:  # else nobody would notice that the parent has gone
        reader.close()
    while True:
        with taken.get_lock():
            number = int(taken.value)
            taken.value += 1
        if number >= len(names):
            return
        result = work(names[number])
        try:
            writer.send((number, result))
        except BrokenPipeError:
            return
