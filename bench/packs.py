"""The packs that the bench pushes: a folder of real ones, or a made-up set of the same shape.

The set has the shape of a public collection of 220 packs: how many files each has, how large they are, and how
well they compress (text about eight times, logos and chart archives not at all).
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import math
import random
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.packs import make_pack

PACKS, FILES, BYTES = 220, 11_185, 116_000_000
# (share of the packs, at most this much): between two points values grow by a constant factor.
FILES_OF_A_PACK = ((0.0, 5), (0.5, 24), (0.8, 49), (0.95, 249), (1.0, 426))
BYTES_OF_A_PACK = ((0.0, 9_000), (0.5, 160_000), (0.95, 1_950_000), (1.0, 5_290_000))
LARGE = 1_000_000_000

STEMS = (
    "backend",
    "cache",
    "claim",
    "cluster",
    "gateway",
    "image",
    "ingress",
    "node",
    "pod",
    "route",
    "zone",
)
ENDINGS = ("", "Class", "Limit", "Name", "Policy", "Ref", "Selector", "Timeout")
WORDS = [stem + ending for stem in STEMS for ending in ENDINGS]
KINDS = ("string", "integer", "boolean", "object", "array")


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder, and the name and version that its pack.json gives it."""

    folder: Path
    name: str
    version: str
    files: int
    size: int


def read_packs(folder: Path) -> list[Pack]:
    """List the packs of a folder with the number and bytes of their files."""
    packs = []
    for path in sorted(path.parent for path in folder.glob("*/pack.json")):
        facts = json.loads((path / "pack.json").read_text(encoding="utf-8"))
        sizes = [each.stat().st_size for each in path.rglob("*") if each.is_file()]
        packs.append(Pack(path, facts["name"], facts["version"], len(sizes), sum(sizes)))
    return packs


def synthetic_packs(folder: Path) -> Path:
    """Make the set in `folder` unless it is there; it is the same on every machine."""

    def fill(folder: Path) -> None:
        chance = random.Random(220)
        counts = spread(FILES_OF_A_PACK, PACKS, FILES)
        sizes = spread(BYTES_OF_A_PACK, PACKS, BYTES)
        by_files = sorted(range(PACKS), key=lambda rank: rank + chance.gauss(0, PACKS / 4))
        for rank, size in zip(by_files, sizes, strict=True):
            synthetic_pack(folder, f"bench-{rank:03}", counts[rank], size, chance)

    return made_once(folder, fill)


def large_pack(folder: Path) -> Path:
    """Make, unless it is there, a folder with one pack of LARGE bytes that do not compress."""

    def fill(folder: Path) -> None:
        path = make_pack(folder, "large", "1.0.0")
        chance = random.Random(1)
        with (path / "image.bin").open("wb") as file:
            for _ in range(LARGE // 1_000_000):
                file.write(chance.randbytes(1_000_000))

    return made_once(folder, fill)


def made_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Fill a folder beside its final place and move it there, so that a half-made one is never used."""
    if not folder.is_dir():
        partly = folder.with_name(folder.name + ".part")
        shutil.rmtree(partly, ignore_errors=True)
        partly.mkdir(parents=True)
        fill(partly)
        partly.rename(folder)
    return folder


def spread(points: tuple[tuple[float, int], ...], count: int, total: int) -> list[int]:
    """Return `count` ascending numbers of the given distribution, with exactly the given total.

    What the rounded numbers lack or have too much is shared among those between the second and the last but one
    point, which keeps the points.
    """
    numbers = []
    for place in range(count):
        share = place / (count - 1)
        (left, low), (right, high) = next(pair for pair in itertools.pairwise(points) if share <= pair[1][0])
        numbers.append(round(low * math.pow(high / low, (share - left) / (right - left))))
    movable = range(round(points[1][0] * count) + 1, round(points[-2][0] * count) - 1)
    missing, rest = divmod(total - sum(numbers), len(movable))
    for place in movable:
        numbers[place] += missing + (place - movable.start < rest)
    return sorted(numbers)


def synthetic_pack(folder: Path, name: str, files: int, size: int, chance: random.Random) -> None:
    """Write a pack with about `size` bytes: values, README, logo, a chart archive, and the rest as templates."""
    text = partial(mapping, chance)
    logo = b"\x89PNG\r\n\x1a\n" + chance.randbytes(min(size // 12, 120_000))
    values = text(min(size // 20, round(chance.lognormvariate(8, 1)), 40_000), depth=2)
    chart = chart_archive(name, text(min(size * 2 // 3, 3_500_000)))
    contents: dict[str, str | bytes | None] = {
        "README.md": f"# {name}\n\n" + text(min(size // 20, 3_000)),
        "logo.png": logo,
        "values.yaml": f"pack:\n  namespace: {name}\ncharts:\n  {name}:\n{values}",
        f"charts/{name}-1.0.0.tgz": chart,
    }
    left = max(0, size - sum(len(each) for each in contents.values() if each))
    weights = [chance.lognormvariate(0, 2) for _ in range(files - 5)]
    for number, weight in enumerate(weights):
        share = round(left * weight / sum(weights))
        contents[f"charts/{name}/templates/part-{number:03}.yaml"] = text(share)
    make_pack(folder, name, "1.0.0", files=contents, chart=True)


def mapping(chance: random.Random, size: int, depth: int = 0) -> str:
    """Return about `size` bytes of YAML as a mapping at some depth.

    Many of its entries repeat the body of one nearby, as the schemas in resource definitions do.
    """
    pad = "  " * depth
    lines = [f"{pad}enabled: true\n"]
    bodies: list[str] = []
    length = len(lines[0])
    while length < size:
        words = chance.choices(WORDS, k=8)
        if not bodies or chance.random() < 0.7:
            bodies.append(
                f"{pad}  # {' '.join(words[1:])}\n"
                f"{pad}  description: The {words[1]} {words[2]} of the {words[3]}, used where it has none\n"
                f"{pad}  type: {chance.choice(KINDS)}\n"
                f"{pad}  maximum: {chance.randrange(10_000_000)}\n"
            )
        lines += f"{pad}{words[0]}{len(lines)}:\n", chance.choice(bodies[-50:])
        length += len(lines[-1]) + len(lines[-2])
    return "".join(lines)


def chart_archive(name: str, template: str) -> bytes:
    """Return the archive of a chart with one template."""
    buffer = io.BytesIO()
    chart = f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n"
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in {"Chart.yaml": chart, "values.yaml": "", "templates/all.yaml": template}.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)
