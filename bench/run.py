"""Measures regsync side by side with `tar` and `oras`, prints a table and writes .bench/result.json.

`python bench/run.py` pushes 220 packs into fresh CNCF Distribution servers on loopback, and 50 of them into Amazon
ECR as ministack plays it. REGSYNC_BENCH_PACKS names a folder of real packs to use instead of the made-up ones. Times
are judged by ratios between runs that follow each other, since the speed of a machine drifts; the limits are meant for
a set of this size, as a small one measures little but the start of the programs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script sees its own folder only

from bench.contenders import (
    REGIONS,
    REGSYNC,
    ROOT,
    TOOLS,
    Contender,
    find_pusher,
    regsync,
    regsync_to_ecr,
    tar_and_push,
)
from bench.measure import CommandFailed, measure
from bench.packs import large_pack, read_packs, synthetic_packs
from bench.reports import CHANGES, markdown_seconds

BENCH = ROOT / ".bench"
COLD, REPEAT, LARGE = "cold", "nothing changed", "one pack of 1 GB"
MB = 1_000_000
TO_ECR = 50


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run: seconds of wall and processor time, what the server was asked for, bytes of the largest process."""

    contender: str
    phase: str
    wall: float
    processor: float
    server_processor: float
    asked: Mapping[str, int]
    peak: int

    @property
    def requests(self) -> int:
        return sum(self.asked.values())


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, and the measured values, one per round; their median is judged."""

    name: str
    limit: float
    values: tuple[float, ...]

    @property
    def measured(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        """Whether the median is within the limit."""
        return self.measured <= self.limit


def run(contender: Contender, folder: Path, phases: Iterable[str]) -> list[Measurement]:
    """Measure a contender's phases on a server of its own, with no cache of any earlier run."""
    work = folder / "work"
    work.mkdir()
    measured = []
    with contender.server(folder / "server") as server:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            **server.environment,
        }
        for phase in phases:
            command = (contender.repeat if phase == REPEAT else contender.cold)(work, server)
            seen, used = server.asked(), server.processor()
            cost = measure(command, folder=work, environment=environment, log=folder / "output.log")
            figures = (
                cost.wall,
                cost.processor,
                server.processor() - used,
                dict(server.asked() - seen),
                cost.peak,
            )
            measured.append(Measurement(contender.name, phase, *figures))
    return measured


def rounds(contenders: Sequence[Contender], count: int) -> list[Measurement]:
    """Measure all contenders in turn, after a round that warms up and does not count."""
    measured = []
    for number in range(count + 1):
        for contender in contenders:
            title = f"round {number} of {count}" if number else "warm-up"
            print(f"{title}: {contender.name}", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=BENCH) as folder:
                results = run(contender, Path(folder), (COLD, REPEAT))
            measured += results if number else []
    return measured


def targets(measured: Sequence[Measurement], baseline: str, ecr: str, tags: int) -> list[Target]:
    """Hold the measurements against what is to be reached; ratios are taken round by round."""

    def values(contender: str, phase: str, of: Callable[[Measurement], float]) -> tuple[float, ...]:
        return tuple(of(each) for each in measured if (each.contender, each.phase) == (contender, phase))

    def ratios(phase: str, of: Callable[[Measurement], float]) -> tuple[float, ...]:
        pairs = zip(values("regsync", phase, of), values(baseline, phase, of), strict=True)
        return tuple(own / other for own, other in pairs)

    def peak(measurement: Measurement) -> float:
        return measurement.peak / MB

    repositories = min(tags, TO_ECR) + 1  # with the base repository
    found = [
        Target("apply, cold: wall time, ratio", 0.7, ratios(COLD, lambda each: each.wall)),
        Target("apply, cold: processor time, ratio", 0.5, ratios(COLD, lambda each: each.processor)),
        Target("plan, nothing changed: wall time, ratio", 0.3, ratios(REPEAT, lambda each: each.wall)),
        Target(
            "plan, nothing changed: requests", tags + 5, values("regsync", REPEAT, lambda each: each.requests)
        ),
        Target(
            "plan of ECR, nothing changed: requests",
            len(REGIONS) * (repositories + math.ceil(repositories / 100) + 4),
            values(ecr, REPEAT, lambda each: each.requests),
        ),
        Target("apply, cold: peak memory, MB", 120, values("regsync", COLD, peak)),
        Target("plan, nothing changed: peak memory, MB", 120, values("regsync", REPEAT, peak)),
    ]
    if large := values("regsync", LARGE, peak):
        found.append(Target("apply, one pack of 1 GB: peak memory, MB", 150, large))
    return found


def machine() -> dict[str, object]:
    """Say what the figures were measured on."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
    }


def print_measurements(measured: Sequence[Measurement]) -> None:
    """Print the median of each figure of each contender in each phase."""
    header = ("wall s", "client cpu s", "server cpu s", "requests", "peak MB")
    print(f"{'':32}" + "".join(f"{title:>14}" for title in header))
    for phase in dict.fromkeys(each.phase for each in measured):
        print(phase)
        for name in dict.fromkeys(each.contender for each in measured if each.phase == phase):
            runs = [each for each in measured if (each.contender, each.phase) == (name, phase)]
            wall, processor, server, requests, peak = (
                statistics.median(getattr(each, figure) for each in runs)
                for figure in ("wall", "processor", "server_processor", "requests", "peak")
            )
            print(f"  {name:30}{wall:14.2f}{processor:14.2f}{server:14.2f}{requests:14.0f}{peak / MB:14.1f}")


def print_asked(measured: Sequence[Measurement], contender: str) -> None:
    """Print how often a contender asked for what, in the last run of each phase."""
    for each in {each.phase: each for each in measured if each.contender == contender}.values():
        said = ", ".join(f"{what} {count}" for what, count in sorted(each.asked.items()))
        print(f"\n{contender}, {each.phase}: {said}")


def print_targets(found: Sequence[Target], baseline: str) -> None:
    """Print each target with the median and the range of what was measured."""
    print(f"\ntargets (ratios to {baseline}, round by round: median, lowest to highest)")
    for each in found:
        span = f"({min(each.values):.2f} to {max(each.values):.2f})"
        verdict = "met" if each.met else "MISSED"
        print(f"  {each.name:44}<= {each.limit:6.2f}{each.measured:10.2f}  {span:20} {verdict}")
    if "oras" not in baseline:
        print(
            "\nThe limits of the ratios were set against oras, which is not on this machine: regctl stands in for it."
        )


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description="Measure regsync side by side with tar and oras.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count, after one that warms up")
    parser.add_argument("--skip-large", action="store_true", help="leave out the pack of 1 GB")
    options = parser.parse_args()
    missing = [program for program in (REGSYNC, TOOLS / "registry", TOOLS / "regctl") if not program.exists()]
    if missing:
        sys.exit(f"bench: {missing[0]} is missing; ./justw tools builds the programs in .tools")

    BENCH.mkdir(exist_ok=True)
    given = os.environ.get("REGSYNC_BENCH_PACKS")
    folder = Path(given).resolve() if given else synthetic_packs(BENCH / "packs")
    packs = read_packs(folder)
    if not packs:
        sys.exit(f"bench: {folder} has no folder with a pack.json")
    pusher = find_pusher()
    one_by_one, eight = (tar_and_push(pusher, packs, at_once) for at_once in (1, 8))
    step = max(1, len(packs) // TO_ECR)  # of all sizes, by which a made-up set is ordered
    to_ecr = regsync_to_ecr(packs[::step][:TO_ECR])
    try:
        measured = rounds((one_by_one, eight, regsync(folder), to_ecr), options.rounds)
        if not options.skip_large:
            large = large_pack(BENCH / "large")
            with tempfile.TemporaryDirectory(dir=BENCH) as temporary:
                measured += run(regsync(large), Path(temporary), (LARGE,))
    except CommandFailed as failure:
        sys.exit(f"bench: {failure}")

    found = targets(measured, eight.name, to_ecr.name, len(packs))
    found.append(Target(f"Markdown of {CHANGES:,} changes: seconds", 1, markdown_seconds(options.rounds)))
    files, size = sum(pack.files for pack in packs), sum(pack.size for pack in packs)
    print(f"{len(packs)} packs, {files:,} files, {size / MB:.1f} MB; medians of {options.rounds} rounds\n")
    print_measurements(measured)
    print_asked(measured, to_ecr.name)
    print_targets(found, eight.name)
    result = {
        "machine": machine(),
        "packs": {"folder": str(folder), "count": len(packs), "files": files, "bytes": size},
        "rounds": options.rounds,
        "baseline": eight.name,
        "measurements": [asdict(each) for each in measured],
        "targets": [{**asdict(each), "measured": each.measured, "met": each.met} for each in found],
    }
    (BENCH / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
