"""What manifests, packs and charts said at the merge base, and which changes of a plan come from what they say now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from regsync.content.chart import Chart
from regsync.content.pack import Pack
from regsync.manifest.load import Variables, load
from regsync.manifest.nodes import shown_path
from regsync.manifest.source import find
from regsync.model.content import Content
from regsync.model.declaration import ContentItem, Declaration
from regsync.model.diagnostic import Diagnostic, Severity
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.model.plan import Base, Plan, PlanRequest
from regsync.model.registry import Provider, RegistryType
from regsync.model.state import DesiredRegistry, DesiredState, LiveState
from regsync.planner.build import build_plan
from regsync.planner.causes import label
from regsync.run.desired import Local, Reader, Sources, compose, read_item
from regsync.run.revisions.git import Repository
from regsync.run.revisions.tree import Tree, laid_out
from regsync.run.upstream import Fetch


@dataclass(frozen=True, slots=True)
class Since:
    """Since when: the merge base of HEAD and `ref`. The template variables are as they were given, since their files may have
    been others then."""

    ref: str
    assignments: tuple[str, ...] = ()
    variable_files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class BaseState:
    """What was desired at the merge base. Its `sources` last as long as the context that it came from.

    `invalid` says why that cannot be told, and all else is empty then. Of the live registries and documents in `blind` it
    lacks what came from where nobody can tell what was there.
    """

    base: Base
    desired: DesiredState = field(default_factory=lambda: DesiredState((), files=0))
    sources: Sources = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    invalid: str | None = None


@contextmanager
def base_state(
    since: Since,
    paths: Sequence[str],
    *,
    root: Path,
    environment: Mapping[str, str],
    read: Sequence[Local],
    fetch: Fetch,
) -> Iterator[BaseState]:
    """What the manifests at `paths` said at the merge base; those that were not there yet said nothing.

    `read` are the packs and charts of now, which are not read twice where nothing differs. Raises UsageError where there is no
    merge base or git lacks a part of it; never for what the manifests said.
    """
    repository = Repository(root, environment)
    base = Base(since.ref, repository.merge_base(since.ref))
    files = [Path(each) for each in paths]
    with laid_out(repository, base.commit, root, files) as tree:
        wanted = [there for each in files if find([there := tree.at(each)], tree.root, [])]
        try:
            variables = Variables.resolve(
                since.assignments,
                [tree.at(each) for each in since.variable_files],
                environment,
                root=tree.root,
            )
        except ManifestInvalid as error:
            yield BaseState(base, invalid=_first(error.diagnostics))
            return
        except UsageError as error:
            yield BaseState(base, invalid=error.message)
            return
        loaded = load(wanted, root=tree.root, variables=variables)
        declarations = [_as_here(each, tree, root) for each in loaded.declarations]
        known = [_known(each, tree) for each in declarations]
        composed = compose(
            known, fetch, files=loaded.files, sink=lambda event: None, read_local=_reader(tree, read)
        )
        if invalid := _first((*loaded.diagnostics, *composed.diagnostics)):
            yield BaseState(base, invalid=invalid)
            return
        cut = [each.spec for each, kept in zip(declarations, known, strict=True) if each != kept]
        blind = frozenset(name for each in cut for name in (each.name, each.declared))
        yield BaseState(base, composed.state, composed.sources, blind)


def labelled(plan: Plan, then: BaseState, live: LiveState) -> Plan:
    """`plan`, made from `live`, with the causes that the merge base gives its changes."""
    notes = []
    base = None
    if then.invalid:
        notes.append(f"causes are unknown, since the manifests are invalid at {then.base}: {then.invalid}")
    else:
        registries = tuple(_spoken_of(each, plan) for each in then.desired.registries)
        request = PlanRequest(plan.request.paths, overrides=plan.request.overrides)
        base = build_plan(request, replace(then.desired, registries=registries), live)
    if then.blind:
        names = ", ".join(sorted({each.partition("@")[0] for each in then.blind}))
        notes.append(
            f"some causes are unknown in {names}: submodules or files of Git LFS differ from {then.base}"
        )
    return replace(label(plan, base, then.blind), base=then.base, notes=(*notes, *plan.notes))


def _spoken_of(desired: DesiredRegistry, plan: Plan) -> DesiredRegistry:
    """The part of `desired` that the plan speaks of, too: nothing else was looked at in registries, and Palette was asked
    whether it lists what is wanted now."""
    known = {each.address for each in plan.changes}
    wanted = {each.address for each in plan.changes if each.after is not None}
    return replace(
        desired,
        artifacts=tuple(each for each in desired.artifacts if each.address in known),
        absences=tuple(each for each in desired.absences if each.address in known),
        repositories=tuple(each for each in desired.repositories if each.address in known),
        registrations=tuple(
            replace(each, listings=tuple(one for one in each.listings if one.address in wanted))
            for each in desired.registrations
            if each.address in known or each.address.sync in known
        ),
        unregistered=tuple(each for each in desired.unregistered if each.address in known),
    )


def _first(diagnostics: Sequence[Diagnostic]) -> str:
    """The first error in words, empty where there is none."""
    errors = (each for each in diagnostics if each.severity is Severity.ERROR)
    return next((f"{each.origin}: {each.summary}" if each.origin else each.summary for each in errors), "")


def _as_here(declaration: Declaration, tree: Tree, root: Path) -> Declaration:
    """A declaration whose layout is shown as from the checkout, where it is written as an absolute path."""
    spec = declaration.spec
    if spec.type is not RegistryType.LAYOUT or Path(spec.endpoint).is_relative_to(tree.mirror):
        return declaration
    return replace(declaration, spec=replace(spec, shown_endpoint=shown_path(Path(spec.endpoint), root)))


def _known(declaration: Declaration, tree: Tree) -> Declaration:
    """A declaration without the content of which it is not known what it was. A pack is what its files hash to, and a
    pointer of LFS has the hash; a chart has to be read."""
    items = tuple(
        each
        for each in declaration.items
        if not tree.is_strange(each.local)
        and not (each.provider is Provider.HELM and tree.stands_for_others(each.local))
    )
    return replace(declaration, items=items)


def _reader(tree: Tree, read: Sequence[Local]) -> Reader:
    now = {each.path if isinstance(each, Chart) else each.folder: each for each in read}

    def reader(item: ContentItem) -> tuple[Local | None, Sequence[Diagnostic]]:
        if same := now.get(item.local):
            return same, ()
        source, found = read_item(item)
        return _with_objects(source, tree) if isinstance(source, Pack) else source, found

    return reader


def _with_objects(pack: Pack, tree: Tree) -> Pack:
    """A pack in which the objects stand that its pointers of LFS stand for."""
    files = []
    for entry in pack.content.files:
        pointer = pack.folder / entry.path
        meant = tree.pointers.get(pointer)
        if meant is None:
            files.append(entry)
        else:
            files.append(replace(entry, sha256=meant.sha256, size=meant.size))
            pointer.unlink()  # its lines are no lines of the file
    return replace(pack, content=Content.of(files))
