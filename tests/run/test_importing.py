"""Whatever was applied, an import of it plans empty: on the machine that pulled it, and whatever lay there before."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.project import Project

NAMES = st.sampled_from(["nginx", "redis", "k3s-lts", "a.b", "x__y"])
VERSIONS = st.sampled_from(["1.0.0", "1.10", "v2", "0.1.0-rc.1", "LATEST_1"])
PATHS = st.sampled_from(["team", "edge", "team/sub", "1"])
FILES = st.dictionaries(
    st.sampled_from(["a", "b/c", "b/d e", "Ünïcode.txt", "deep/er/x.sh", "empty"]),
    st.binary(max_size=40),
    max_size=4,
)
PACKS = st.dictionaries(st.tuples(PATHS, NAMES, VERSIONS), FILES, min_size=1, max_size=5)


@settings(max_examples=25)
@given(packs=PACKS, pulls=st.booleans(), resumed=st.booleans())
def test_an_import_of_what_was_applied_plans_empty(
    packs: dict[tuple[str, str, str], dict[str, bytes]], pulls: bool, resumed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        filled(Path(folder, "theirs"), packs)
        ours = Project(Path(folder, "ours"))
        ours.root.mkdir()
        shutil.move(Path(folder, "theirs/live"), ours.root / "live")
        options = ("--pull-packs", "packs") if pulls else ()
        for again in range(1 + resumed):
            if again:
                shutil.rmtree(ours.root / "registries")
            ran = ours.run("import", "./live", *options)
            assert ran.status == 0, ran.out + ran.err
        assert ours.run("validate").status == 0
        planned = ours.run("plan", "--detailed-exitcode")
        assert planned.status == 0, planned.out
        if pulls:
            bases = {base for base, _, _ in packs}
            assert f"{len(packs) + len(bases)} unchanged." in planned.out
        assert not list(ours.root.glob("packs/.regsync-*"))


def filled(root: Path, packs: dict[tuple[str, str, str], dict[str, bytes]]) -> None:
    """A layout directory `live` with these packs, each beneath its base content path."""
    project = Project(root)
    bases = sorted({base for base, _, _ in packs})
    items = []
    for base in bases:
        folder = f"packs/{base.replace('/', '-')}"
        items.append(f"- {{packs: '../{folder}/*', path: '{base}'}}")
        for (path, name, version), files in packs.items():
            if path == base:
                said = f'{{"name": "{name}", "version": "{version}"}}'
                project.write(f"{folder}/{name}-{version}/pack.json", said)
                for file, data in files.items():
                    target = project.root / folder / f"{name}-{version}" / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
    project.registry(path=", ".join(f"'{base}'" for base in bases), content="\n".join(items))
    ran = project.run("apply", "--auto-approve")
    assert ran.status == 0, ran.out + ran.err
