"""The table of commands over ledgers of several sizes, and what it means for a cluster."""

from typing import Any

CLUSTER = """\
What breaks first at 1,000 GPUs, on paper (a metadata operation: a file opened, made or renamed):

* **Starting a sweep.** A grid of 10,000 jobs is planned in seconds here and handed to the scheduler
  in arrays of 1,000 (Slurm's `MaxArraySize` unless it is raised), `hydra.launcher.runs` to an
  allocation: 10,000 jobs of minutes in allocations of one are what a site's limit of queued jobs
  (`MaxSubmitJobs`) refuses first; take `runs=16`.
* **Heartbeats and rows.** A lease of 60 s is renewed four times in it: 1,000 runs make 67 renewals
  a second, a row with its flush twice that; a metadata server gives some thousands. Jobs of two
  seconds make a dozen files each: 1,000 GPUs then 6,000 a second, which it does not give. Pack
  such jobs, or keep their `output_dir` on the node and copy it at the end.
* **Checkpoints.** One a minute of a ResNet-56 (7 MB with its velocities) is 0.1 GB/s for all; of a
  network of 1e8 parameters (0.8 GB) it is 13 GB/s, more than most shared disks take: raise
  `trainer.checkpoint_seconds`.
* **Reading.** Whoever opens two files a record at 1 ms each over a network waits 200 s for 100,000
  records with one reader; tables have two readers a core. `runs.py watch` reads all of it every
  few seconds: give it `seconds=60`, or each project its own `output_dir`.
* **One folder.** ext4, XFS and Lustre look a key up among 100,000 as fast as among 1,000; listing
  them takes a tenth of a second locally. From about a million on: an `output_dir` for each project.
"""


def rows(cases: list[dict[str, Any]]) -> list[list[str]]:
    """A row a command, a column a size, the smallest first, and what a further record takes."""
    head = ["command", *(f"{case['name']} records" for case in cases), "a further record"]
    table = [head, ["---"] * len(head)]
    for readings in zip(*(case["readings"] for case in cases), strict=True):
        cells = [
            f"{r['wall']:.1f} s ({r['cpu']:.1f}), {r['memory'] / 2**20:,.0f} MiB" for r in readings
        ]
        further = ""
        if len(cases) > 1:
            records = cases[-1]["records"] - cases[-2]["records"]
            seconds = max(0.0, readings[-1]["cpu"] - readings[-2]["cpu"])
            further = f"{1e6 * seconds / records:,.0f} µs"
        table.append([readings[0]["name"], *cells, further])
    return table
