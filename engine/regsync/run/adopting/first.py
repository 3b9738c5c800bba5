"""A first manifest: all packs of a folder, for one registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from regsync.content.pack import PACK_JSON
from regsync.manifest.write import render_drafts
from regsync.model.draft import Draft, Target
from regsync.model.errors import RegistryError, UsageError
from regsync.model.registry import Provider, RegistrySpec, RegistryType
from regsync.run.adopting.drafting import as_typed, beside, declared, named, path_from, refuse_declared
from regsync.run.adopting.files import refuse_existing, write_manifest

_LOGINS = {
    RegistryType.ECR: "Without `auth`, the login is what the AWS SDK finds: a profile, a role, SSO.",
    RegistryType.ECR_PUBLIC: "Without `auth`, the login is what the AWS SDK finds: a profile, a role, SSO.",
    RegistryType.LAYOUT: "A directory of OCI image layouts needs no login.",
}
_DOCKER = "Without `auth`, the login is that of `docker login`."


@dataclass(frozen=True, slots=True)
class First:
    """The manifest that was written, and what the user should know of it."""

    file: str
    text: str
    notes: tuple[str, ...]


def first_manifest(
    target: Target,
    packs: Path,
    out: Path | None,
    *,
    root: Path,
    tell_type: Callable[[RegistrySpec], RegistryType],
) -> First:
    """Write a manifest for the packs in the folder `packs`. Raises UsageError where there is none, or no base content path,
    Refused where the file is there, or another one beside it declares the same."""
    file = out or Path("registries", f"{target.slug}.yaml")
    refuse_existing(root, file)
    is_layout = target.type is RegistryType.LAYOUT
    if not target.paths and not is_layout:
        raise UsageError(
            f"{target}: beneath which base content path are the packs to lie?",
            hint=f"regsync init {target}/team",
        )
    draft = Draft(
        target.slug,
        Provider.PACK,
        target.type or RegistryType.BASIC,
        path_from(root, file, target.endpoint) if is_layout else target.endpoint,
        target.paths or ("packs",),
        packs=tuple(path_from(root, file, each) for each in _packs(root, packs)),
    )
    bare = replace(draft, packs=())  # what lies beside the file is found once the file's folder is there
    spec = declared(bare, root, file)
    others = beside(root, file)
    refuse_declared(spec, draft.base_content_paths, others)
    [draft] = named([draft], target.slug, {each.declared for each in others})
    notes = []
    if target.type is None:
        kind, note = _ask(spec, tell_type)
        draft, notes = replace(draft, type=kind), [as_typed(note, file, target)] if note else []
    text = render_drafts([draft], "Paths are relative to this file.", _LOGINS.get(draft.type, _DOCKER))
    write_manifest(root, file, text)
    return First(file.as_posix(), text, tuple(notes))


def _packs(root: Path, packs: Path) -> list[str]:
    """Paths that stand for all packs in a folder: a glob where it holds nothing else."""
    folder = root / packs
    if (folder / PACK_JSON).is_file():
        return [packs.as_posix()]
    folders = [each for each in sorted(folder.glob("[!.]*")) if each.is_dir()]
    found = [each for each in folders if (each / PACK_JSON).is_file()]
    if not found:
        raise UsageError(
            f"there is no pack in {packs}: a pack is a folder with a {PACK_JSON}",
            hint="--packs names the folder that the packs are in",
        )
    if found == folders:
        return [f"{packs.as_posix()}/*"]
    return [f"{packs.as_posix()}/{each.name}" for each in found]


def _ask(spec: RegistrySpec, tell_type: Callable[[RegistrySpec], RegistryType]) -> tuple[RegistryType, str]:
    """Of which type the registry is, and what to say where it does not answer."""
    try:
        return tell_type(spec), ""
    except RegistryError as error:
        return RegistryType.BASIC, (
            f"the registry was not reached, so `type: basic` is a guess; write `harbor` if it is one ({error.message})"
        )
