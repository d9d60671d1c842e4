"""A Slurm of two nodes on this host: a controller, two `slurmd` and a `munged` of its own.

    with two_nodes() as cluster:
        subprocess.run(["srun", "-N2", "hostname"], env=cluster.env)

Needs Debian's `slurm-wlm` and `munge`, and root. Sockets, key, ports, state and logs are the
cluster's own, under one temporary folder; every daemon is ended with it. By hand:

    python tests/cluster/slurm.py sinfo        # or any command
"""

import contextlib
import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
NODES = ("n1", "n2")
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

# linuxproc: signals reach every process of a step, as with the cgroups of a real cluster.
# cred_expire: a requeued job starts again after so many seconds (120 by default).
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,requeue_delay=0
ReturnToService=2
SlurmdTimeout=10
KillWait=20
MinJobAge=30
JobRequeue=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MessageTimeout=60
"""
NODE = """
NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} State=UNKNOWN
"""
PARTITIONS = """
PartitionName=all Nodes=n1,n2 Default=YES PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes=n1,n2 PriorityTier=2
"""


def absent() -> str | None:
    """Why there can be no cluster here, or None."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        return f"Slurm is not installed (apt-get install slurm-wlm munge): no {', '.join(missing)}"
    if os.geteuid() != 0:
        return f"Slurm's daemons are started as root; this is {getpass.getuser()}"
    return None


@dataclass
class Cluster:
    """The running cluster; `env` is what its commands are given as environment."""

    home: Path
    env: dict[str, str]
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, *command: str, **more: object) -> str:
        """What one of Slurm's commands prints. Raises where it fails."""
        done = subprocess.run(command, env=self.env, text=True, capture_output=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def start(self, name: str) -> None:
        """Start a node, or again one that was killed."""
        self.daemon(name, ["slurmd", "-D", "-N", name])

    def kill(self, name: str) -> None:
        """A node dies: its daemon and everything it runs, at once."""
        self.end(name, everything=True)

    def daemon(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                command,
                env=self.env,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def end(self, name: str, *, everything: bool = False) -> None:
        """End a daemon; with the steps and the jobs it started, if `everything`."""
        process = self.daemons.pop(name)
        pids = tasks_of(self.home, name) if everything else []
        process.kill() if everything else process.terminate()
        killed(pids)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def idle(self, seconds: float = 60) -> None:
        """Wait until both nodes take jobs."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
                states = self.run(
                    "sinfo", "--noheader", "-N", "--partition=all", "-o", "%T"
                ).split()
                if states == ["idle"] * len(NODES):
                    return
            time.sleep(0.3)
        logs = "\n".join(p.read_text()[-2000:] for p in self.home.glob("*.log"))
        raise RuntimeError(f"Slurm's nodes are not idle after {seconds:.0f} s:\n{logs}")


def end_with_parent() -> None:
    """Have Linux end this process where the one that started it is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def killed(pids: Iterable[int]) -> None:
    """End processes at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def processes_of(home: Path) -> dict[int, tuple[set[bytes], int, str]]:
    """Every process that was told of this cluster: its environment, its parent and its name."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            environment = set((folder / "environ").read_bytes().split(b"\0"))
            if f"SLURM_CONF={home}/slurm.conf".encode() in environment:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                name = (folder / "comm").read_text().strip()
                found[int(folder.name)] = environment, parent, name
    return found


def tasks_of(home: Path, node: str) -> list[int]:
    """Every process that a node's daemon started, now: the daemons of its steps first."""
    known = processes_of(home)
    on_node = f"SLURMD_NODENAME={node}".encode()
    tasks = [pid for pid, (environment, _, _) in known.items() if on_node in environment]
    parents = {known[pid][1] for pid in tasks}
    steps = [pid for pid in parents if pid in known and known[pid][2].startswith("slurmstepd")]
    return [*steps, *tasks]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def two_nodes(cpus: int = 4, **settings: str) -> Iterator[Cluster]:
    """A cluster of nodes n1 and n2 that say they have `cpus` cores each (which they share with all
    of this host); `settings` are more of slurm.conf's, or others. Raises RuntimeError."""
    if why := absent():
        raise RuntimeError(why)
    home = Path(tempfile.mkdtemp(prefix="slurm-"))
    home.chmod(0o755)  # munge's clients must reach its socket
    host = socket.gethostname().partition(".")[0]
    ctld, *ports = free_ports(1 + len(NODES))
    lines = [CONF.format(host=host, ctld=ctld, home=home)]
    lines += [f"{key}={value}\n" for key, value in settings.items()]
    lines += [
        NODE.format(name=name, host=host, port=port, cpus=cpus)
        for name, port in zip(NODES, ports, strict=True)
    ]
    (home / "slurm.conf").write_text("".join([*lines, PARTITIONS]))
    for folder in ("state", *(f"spool-{name}" for name in NODES)):
        (home / folder).mkdir()
    (home / "munge.key").write_bytes(os.urandom(128))
    (home / "munge.key").chmod(0o400)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "SRUN_"))}
    env |= {"SLURM_CONF": str(home / "slurm.conf"), "PATH": PATH}
    cluster = Cluster(home, env)
    munged = ["munged", "--foreground", "--force", f"--socket={home}/munge.socket"]
    munged += [f"--key-file={home}/munge.key", f"--pid-file={home}/munged.pid"]
    munged += [f"--log-file={home}/munged.log", f"--seed-file={home}/munge.seed"]
    try:
        cluster.daemon("munged", munged)
        while not (home / "munge.socket").exists():
            if cluster.daemons["munged"].poll() is not None:
                raise RuntimeError(f"munged: {(home / 'munged.out').read_text()}")
            time.sleep(0.05)
        cluster.daemon("slurmctld", ["slurmctld", "-D"])
        for name in NODES:
            cluster.start(name)
        cluster.idle()
        yield cluster
    finally:
        for name in [*NODES, "slurmctld", "munged"]:
            if name in cluster.daemons:
                cluster.end(name, everything=name in NODES)
        killed(processes_of(home))  # clients that wait for an answer
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    with two_nodes() as running:
        sys.exit(subprocess.run(sys.argv[1:] or ["sinfo"], env=running.env).returncode)
