"""Several runs of a small network at once: one after another, a process each, or stacked in one.

What is timed is the training of `runs` networks by so many updates each, with the kernels of the
bare loop and the same threads in all. A process each shares the device by itself; stacked networks
are one computation over a further dimension (`torch.func`), batches and weights alike.
"""

import multiprocessing
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

import torch
from torch import Tensor
from torch.nn import functional as F

from disciplined.benchmark import cases
from disciplined.benchmark.cases import LR, Case, Parts, Setting
from disciplined.benchmark.contenders import WARM, Contender, bare
from disciplined.benchmark.means import leave_to_autograd
from disciplined.data.augmentation import mirror
from disciplined.data.draws import mirror_flags
from disciplined.data.stream import Stream
from disciplined.optimizers.groups import parameter_groups
from disciplined.optimizers.sgd import step_
from disciplined.training.clock import now


def in_turn(case: Case, parts: Parts, setting: Setting, runs: int) -> Contender:
    """One run after another, each with every thread."""
    loop = bare(case, parts, setting)
    return lambda updates: sum(loop(updates) for _ in range(runs))


def processes(case: Case, parts: Parts, setting: Setting, runs: int) -> Contender:
    """A process for every run, with its share of the threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # or each would import torch for itself
    share = replace(setting, threads=max(1, setting.threads // runs))
    workers = [start(context, case, share) for _ in range(runs)]

    def train(updates: int) -> float:
        for worker in workers:
            worker.send(updates)
        times = [worker.recv() for worker in workers]
        return max(end for _, end in times) - min(begin for begin, _ in times)

    return train


def start(context: BaseContext, case: Case, setting: Setting) -> Connection:
    """A process that trains as many updates as it is sent, and sends back when."""
    here, there = multiprocessing.Pipe()
    process = context.Process(target=serve, args=(there, case, setting), daemon=True)  # pyright: ignore[reportAttributeAccessIssue]
    process.start()
    here.recv()  # it is ready
    return here


def serve(connection: Connection, case: Case, setting: Setting) -> None:
    """The process's life."""
    from disciplined.training.machine import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(setting.threads)
    loop = bare(case, cases.parts(case, setting), setting)
    connection.send("ready")
    with suppress(EOFError):  # the benchmark has ended
        while True:
            seconds = loop(connection.recv())
            end = time.monotonic()  # one clock for all processes
            connection.send((end - seconds, end))


def stacked(case: Case, parts: Parts, setting: Setting, runs: int) -> Contender:
    """One process steps all networks as one, weights and batches stacked."""
    device = setting.torch_device
    networks = [parts.network().to(device) for _ in range(runs)]
    for network in networks:
        leave_to_autograd(network, lrn=False)  # batch norm in groups has no rule for a stack
    parameters, buffers = torch.func.stack_module_state(networks)  # pyright: ignore
    pixels = parts.pixels().to(device)
    pictures, labels = parts.images.train_images.to(device), parts.images.train_labels.to(device)
    streams = [Stream(len(pictures), case.total_batch_size, seed=s) for s in range(runs)]
    template = networks[0].to("meta")

    def loss(weights, sums, images: Tensor, answers: Tensor) -> Tensor:
        with torch.autocast(**parts.autocast):
            logits = torch.func.functional_call(template, (weights, sums), (images,))
        return F.cross_entropy(logits.float(), answers)

    gradients = torch.func.vmap(torch.func.grad(loss))
    groups = multipliers(networks[1] if runs > 1 else parts.network())
    velocities = {name: torch.zeros_like(p) for name, p in parameters.items()}
    lr, momentum, decay = (torch.tensor(v, device=device) for v in (LR, 0.9, 1e-4))

    def train(updates: int) -> float:
        taken = [
            torch.stack([torch.from_numpy(s.indices(t)) for s in streams]).to(device)
            for t in range(updates + WARM)
        ]
        flags = [
            torch.from_numpy(mirror_flags(0, t, runs * case.total_batch_size)).to(device)
            for t in range(updates + WARM)
        ]
        started = 0.0
        for t, indices in enumerate(taken):
            if t == WARM:
                started = now(device)
            images = pictures[indices.flatten()]
            if parts.plan.augmentation == "mirror":
                images = mirror(images, flags[t])
            images = pixels(images).unflatten(0, indices.shape)
            found = gradients(parameters, buffers, images, labels[indices])
            for (lr_mult, decay_mult), names in groups.items():
                step_(
                    [parameters[n] for n in names],
                    [found[n] for n in names],
                    [velocities[n] for n in names],
                    lr=lr * lr_mult,
                    momentum=momentum,
                    weight_decay=decay * decay_mult if decay_mult else None,
                    convention="caffe",
                    nesterov=True,
                )
        return now(device) - started

    with torch.no_grad():
        for p in parameters.values():
            p.requires_grad_(False)
    return train


def multipliers(network: torch.nn.Module) -> dict[tuple[float, float], list[str]]:
    """The names of the parameters that share a multiplier of rate and decay."""
    names = {id(p): name for name, p in network.named_parameters()}
    return {
        (group["lr_mult"], group["decay_mult"]): [names[id(p)] for p in group["params"]]
        for group in parameter_groups(network)
    }


WAYS = {"in turn": in_turn, "a process each": processes, "stacked": stacked}
