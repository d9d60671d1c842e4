"""What a run says of the machine and the code it ran on. No torch: callers pass what it knows."""

import ast
import contextlib
import ctypes
import hashlib
import os
import platform
import resource
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
COMPUTES = (
    "schedules/*.py",
    "optimizers/*.py",
    "data/*.py",
    "models/*.py",
    *(
        f"training/{name}.py"
        for name in (
            "assembly",
            "batches",
            "callbacks",
            "curvature",
            "evaluating",
            "module",
            "parts",
            "run",
            "updates",
        )
    ),
)
VERSIONS = (
    "disciplined",
    "torch",
    "pytorch-lightning",
    "numpy",
    "hydra-core",
    "torchvision",
    "timm",
    "pillow",
)


@cache
def fingerprint() -> str:
    """Twelve hexadecimal digits over the code that computes, less comments and docstrings."""
    found = hashlib.sha256()
    for pattern in COMPUTES:
        for path in sorted(PACKAGE.glob(pattern)):
            # A package's own file only gives names: it counts as nothing but a docstring.
            code = "''" if path.name == "__init__.py" else path.read_text()
            tree = written(ast.parse(code))
            found.update(f"{path.relative_to(PACKAGE).as_posix()}\0{tree}\0".encode())
    return found.hexdigest()[:12]


def written(node: object) -> str:
    """A syntax tree as text, the same in every version of Python: fields that are there, in order.

    `ast.dump` has changed with most versions, and newer ones have more (empty) fields. What stands
    by itself as a text is a docstring.
    """
    if isinstance(node, list):
        return "[" + ",".join(filter(None, map(written, node))) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return ""
    fields = [f"{k}={written(v)}" for k, v in ast.iter_fields(node) if v not in (None, [])]
    return f"{type(node).__name__}({','.join(fields)})"


@cache
def commit() -> str | None:
    """The git commit of this checkout, `+` behind it where files differ; None outside git."""
    try:
        head, dirty = (
            subprocess.run(
                ["git", *arguments],
                cwd=PACKAGE,
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if dirty else "")


@cache
def cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text().partition("\n\n")[0]
    parted = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in parted}


def processor() -> str:
    """The processor's name and the cores this process may use."""
    name = cpuinfo().get("model name") or platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} core{'s' * (cores != 1)}"


def multiplies_bf16() -> bool:
    """Whether the processor multiplies bf16 itself; elsewhere it is converted, and slower."""
    return bool({"amx_bf16", "avx512_bf16"} & set(cpuinfo().get("flags", "").split()))


def versions(*others: str) -> dict[str, str]:
    """The versions of the packages whose numerics a result rests on, Python's, and `others`'."""
    found = {"python": platform.python_version()}
    for name in (*VERSIONS, *others):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def peak_memory() -> int:
    """The most resident memory this process has had, in bytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if platform.system() == "Darwin" else 1024)


def keep_freed_memory() -> None:
    """Have glibc keep a step's big maps for the next one, not hand them back to the kernel.

    Thousands of page faults a step cost the 3-layer network 15 to 20 % of its time on a CPU. Must
    come before the maps are first made; does nothing without glibc.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def now() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def description() -> dict[str, Any]:
    """What holds for every run of this process."""
    return {
        "hardware": processor(),
        "versions": versions(),
        "commit": commit(),
        "fingerprint": fingerprint(),
        "date": now(),
    }
