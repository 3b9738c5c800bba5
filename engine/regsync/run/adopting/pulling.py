"""Finds out what live artifacts are by reading each layer once, and puts packs and charts into a folder.

Nothing that lies there is overwritten; what lies there already, and is equal, is not read again.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from regsync.content.chart import Chart, read_chart
from regsync.content.index import OtherContent
from regsync.content.pack import PACK_JSON, Pack, read_pack
from regsync.content.unpack import unpack
from regsync.model.errors import ContentError, NotFound
from regsync.model.reference import chart_version, sha256_digest
from regsync.model.state import LiveArtifact
from regsync.registries.base import LayerIndexes, Registry

_OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})
"""Errors that say something of this machine and nothing of what is unpacked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a live artifact turned out to be: a pack or chart of this content, or nothing that a manifest can name, for a
    `reason`. `ready` is where it was unpacked, `known` where it lies already."""

    content: str = ""
    reason: str = ""
    ready: Path | None = None
    known: Path | None = None


class Puller:
    """Puts what it reads into `folder`, or with None only judges it. `shown` is how messages name the folder, `scratch` a
    folder on the same disk for what is not finished."""

    def __init__(self, folder: Path | None, shown: str, scratch: Path, indexes: LayerIndexes) -> None:
        self._folder = folder
        self._shown = shown
        self._scratch = scratch
        self._indexes = indexes

    @property
    def pulls(self) -> bool:
        """Whether content is put into a folder."""
        return self._folder is not None

    def judge(self, registry: Registry, live: LiveArtifact, *, is_chart: bool) -> Judged:
        """What an artifact is. Raises RegistryError where it cannot be read, ContentError where the disk is full."""
        if live.layer_digest is None:
            return Judged(reason=live.note or f"holds no {registry.spec.provider.noun}")
        judge = self._chart if is_chart else self._pack
        for place in self._places(live, is_chart=is_chart):
            if place.exists() and (there := self._lying(place, live, is_chart=is_chart)):
                return there
        work = Path(tempfile.mkdtemp(dir=self._scratch))
        judged = Judged(reason=f"its layer {live.layer_digest} is missing in the registry")
        try:
            with suppress(NotFound), self._disk():
                judged = judge(registry, live, work)
        finally:
            if judged.ready is None:
                shutil.rmtree(work)
        return judged

    def put(self, judged: Judged, live: LiveArtifact, *, is_chart: bool) -> Path | None:
        """Where in the folder it lies from now on; None where something else lies there."""
        if judged.known or judged.ready is None:
            return judged.known
        for place in self._places(live, is_chart=is_chart):
            with self._disk():
                if is_chart and _put_archive(judged.ready, place):
                    return place
                if not is_chart and _put_folder(judged.ready, place):
                    return place
            if (there := self._lying(place, live, is_chart=is_chart)) and there.content == judged.content:
                return place
        return None

    def show(self, place: Path) -> str:
        """How messages and manifests name what lies in the folder."""
        return f"{self._shown}/{place.relative_to(self._folder).as_posix()}" if self._folder else ""

    def taken(self, place: Path) -> Path | None:
        """Where what now lies at `place` would have gone, had nothing else been there; None where it did go there."""
        return None if self._folder is None or place.parent == self._folder else self._folder / place.name

    def _places(self, live: LiveArtifact, *, is_chart: bool) -> tuple[Path, ...]:
        """Where an artifact goes: under its name and version, and where something else lies there, into a folder that is
        called after its layer's digest."""
        if self._folder is None or live.layer_digest is None:
            return ()
        name, tag = live.address.path.rpartition("/")[2], live.address.tag or ""
        called = f"{name}-{chart_version(tag)}.tgz" if is_chart else f"{name}-{tag}"
        return self._folder / called, self._folder / live.layer_digest.partition(":")[2][:8] / called

    def _lying(self, place: Path, live: LiveArtifact, *, is_chart: bool) -> Judged | None:
        """What lies at a place, if it is this very artifact as far as is known."""
        found: Chart | Pack | None
        if is_chart:
            found = read_chart(place, place.name).chart
            same = found is not None and _is_archive_of(found, live)
        else:
            found = read_pack(place, place.name).pack
            same = found is not None and found.content.digest == self._known_content(live)
        if found is None or not same:
            return None
        reason = _disagreement(found, live)
        return Judged(found.content.digest, reason, known=None if reason else place)

    def _known_content(self, live: LiveArtifact) -> str | None:
        """The content of a pack that need not be read."""
        if live.marked:
            return live.content
        kept = self._indexes.get(live.layer_digest or "")
        return kept[0].digest if kept and kept[0] else None

    def _pack(self, registry: Registry, live: LiveArtifact, work: Path) -> Judged:
        folder = work / "pack"
        try:
            with registry.open_layer(live) as layer:
                content = unpack(layer, folder, only=None if self._folder else {PACK_JSON})
        except OSError as failure:
            if failure.errno in _OURS:
                raise
            return Judged(reason=f"cannot be unpacked here: {failure.strerror or failure}")
        if isinstance(content, OtherContent):
            return Judged(reason=f"its archive {content.reason}")
        self._indexes.put(live.layer_digest or "", content)
        read = read_pack(folder, live.address.path)
        if read.pack is None:
            return Judged(reason=read.diagnostics[0].summary)
        pulled = self._folder is not None
        if pulled and read.pack.content.digest != content.digest:
            return Judged(reason="this machine's disk does not keep its files under their names")
        pack = replace(read.pack, content=content)
        reason = _disagreement(pack, live)
        return Judged(content.digest, reason, folder if pulled and not reason else None)

    def _chart(self, registry: Registry, live: LiveArtifact, work: Path) -> Judged:
        archive = work / "chart.tgz"
        parts = [(archive, live.layer_digest)]
        if live.provenance:
            parts.append((Path(f"{archive}.prov"), live.provenance[0]))
        for path, digest in parts:
            part = registry.open_layer(replace(live, layer_digest=digest))
            with part as layer, path.open("xb") as file:
                shutil.copyfileobj(layer, file)
        read = read_chart(archive, live.address.path)
        if read.chart is None:
            return Judged(reason=read.diagnostics[0].summary)
        reason = _disagreement(read.chart, live)
        return Judged(
            read.chart.content.digest, reason, archive if self._folder is not None and not reason else None
        )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Tells where the disk refuses, which concerns all that is to follow."""
        try:
            yield
        except OSError as failure:
            where = self._shown if self._folder else "the temporary folder"
            raise ContentError(
                f"cannot write to {where}: {failure.strerror or failure}",
                hint="make room; what is there stays, and the next import goes on from there",
            ) from failure


def _disagreement(found: Pack | Chart, live: LiveArtifact) -> str:
    """Why what is in an artifact is not what its tag says, or would not be left as it is; empty where it agrees."""
    name, tag = live.address.path.rpartition("/")[2], live.address.tag
    if isinstance(found, Chart):
        if (found.name, found.tag) != (name, tag):
            return f"its Chart.yaml says {found.name} {found.version}"
        forged = live.marked and not live.provenance and live.content != found.content.digest
    else:
        if (found.name, found.version) != (name, tag):
            return f"its pack.json says {found.name} {found.version}"
        if live.title != found.title:
            return f"its layer is called {live.title!r} where Palette looks for {found.title!r}"
        forged = live.marked and live.content != found.content.digest
    return "its mark of regsync says that it holds something else" if forged else ""


def _is_archive_of(chart: Chart, live: LiveArtifact) -> bool:
    """Whether a chart on disk has the very bytes of a live one."""
    proof = None if chart.provenance is None else sha256_digest(chart.provenance)
    archive = chart.archive and f"sha256:{chart.archive.sha256}"
    return (archive, proof) == (live.layer_digest, live.provenance and live.provenance[0])


def _put_folder(source: Path, target: Path) -> bool:
    """Move a folder to where nothing is."""
    try:
        if target.exists():
            return False
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    except OSError as failure:
        if failure.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        return False  # somebody was quicker
    return True


def _put_archive(source: Path, target: Path) -> bool:
    """Move an archive with its provenance to where neither is."""
    proof, goal = Path(f"{source}.prov"), Path(f"{target}.prov")
    if target.exists() or goal.exists():
        return False
    target.parent.mkdir(exist_ok=True)
    try:
        if proof.exists():
            goal.hardlink_to(proof)
        target.hardlink_to(source)
    except FileExistsError:
        return False
    return True
