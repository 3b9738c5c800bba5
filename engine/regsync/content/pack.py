"""A pack: a folder with a pack.json that gives its name and version. Knows what makes it addressable, nothing more."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from regsync.content.codes import Code, finding
from regsync.content.files import open_file, read_file, reading
from regsync.content.folder import read_folder
from regsync.content.jsontext import offset_of, token_at
from regsync.content.sources import Source
from regsync.model.content import Content
from regsync.model.diagnostic import Diagnostic, Origin
from regsync.model.errors import ContentError
from regsync.model.reference import is_repository, is_tag

PACK_JSON = "pack.json"


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder that can be addressed and archived. `shown` is how messages name it, `junk` what was left out of it."""

    name: str
    version: str
    folder: Path
    shown: str
    content: Content
    name_origin: Origin
    version_origin: Origin
    junk: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The file name that Palette expects as the layer's title."""
        return f"{self.name}-{self.version}.tar.gz"

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """One of the pack's files as a stream. Raises ContentError where it is gone."""
        with reading(f"{self.shown}/{path}"), open_file(os.fspath(self.folder), path) as file:
            yield file

    def read(self, path: str) -> bytes:
        """One of the pack's files. Raises ContentError where it is gone or larger than TEXT_LIMIT."""
        return read_file(os.fspath(self.folder), path, self.shown)


@dataclass(frozen=True, slots=True)
class PackRead:
    """A pack, or what stands against taking the folder for one (errors only, sorted)."""

    pack: Pack | None
    diagnostics: tuple[Diagnostic, ...]


def read_pack(folder: Path, shown: str) -> PackRead:
    """Read pack.json and hash all files below `folder`. Never raises for what is wrong with them.

    One call reads one folder on one core; several threads are slower than one here, most files being too small to
    let go of the interpreter's lock.
    """
    found = read_folder(folder, shown)
    problems = found.problems
    pack = None
    if any(entry.path == PACK_JSON for entry in found.files):
        read = _read_json(folder, shown)
        if isinstance(read, Diagnostic):
            problems.append(read)
        else:
            source, document = read
            found_here = (
                _problem(source, document, "name", Code.PACK_NAME, name_fault),
                _problem(source, document, "version", Code.PACK_VERSION, _version_fault),
            )
            problems += [each for each in found_here if each]
            if not problems:
                pack = Pack(
                    name=str(document["name"]),
                    version=str(document["version"]),
                    folder=folder,
                    shown=shown,
                    content=Content.of(found.files),
                    name_origin=source.origin_in_json("name"),
                    version_origin=source.origin_in_json("version"),
                    junk=tuple(sorted(found.junk)),
                )
    elif not problems:  # a folder that cannot be read is not also said to lack a file
        problems.append(_missing(shown))
    return PackRead(pack, tuple(sorted(problems, key=Diagnostic.sort_key)))


def _read_json(folder: Path, shown: str) -> tuple[Source, dict[str, object]] | Diagnostic:
    """pack.json as text and as an object."""
    path = f"{shown}/{PACK_JSON}"
    source = Source(path, "")
    try:
        source = Source(path, read_file(os.fspath(folder), PACK_JSON, shown).decode())
        document = json.loads(source.text)
    except ContentError as failure:
        return finding(Code.FILE_UNREADABLE, failure.message, Origin(path, 1, 1), help=failure.hint)
    except json.JSONDecodeError as failure:
        summary = f"pack.json is no JSON: {failure.msg}"
        return source.finding(Code.PACK_JSON_INVALID, summary, failure.lineno, failure.colno)
    except (ValueError, RecursionError) as failure:  # not UTF-8, or numbers or nesting beyond reason
        return source.finding(Code.PACK_JSON_INVALID, f"pack.json is no JSON: {failure}", 1, 1)
    if not isinstance(document, dict):
        return source.finding(Code.PACK_JSON_INVALID, "pack.json is no JSON object", 1, 1)
    return source, document


_Fault = tuple[str, str]
"""What is wrong, and what to do about it."""


def _problem(
    source: Source, document: dict[str, object], key: str, code: Code, judge: Callable[[str], _Fault | None]
) -> Diagnostic | None:
    """What is wrong with the name or the version."""
    if key not in document:
        return source.finding(code, f"pack.json has no `{key}`", 1, 1, advice=f'add `"{key}": "…"`')
    value = document[key]
    if isinstance(value, str):
        fault = judge(value)
        return source.finding_in_json(code, fault[0], key, advice=fault[1]) if fault else None
    written = token_at(source.text, offset_of(source.text, key))
    advice = f'quote it: `"{written}"`' if isinstance(value, int | float) else "write it as a string"
    return source.finding_in_json(code, f"`{key}` is not a string", key, advice=advice)


def name_fault(name: str) -> _Fault | None:
    """What is wrong with a name that is to be the last part of a repository's, and what to do about it."""
    if is_repository(name) and "/" not in name:
        return None
    suggestion = "-".join(name.lower().split()).replace("/", "-")
    advice = "use lower-case letters and digits, with dots, underscores or hyphens between them"
    return f"`{name}` cannot be the name of a repository", (
        f"use `{suggestion}`" if is_repository(suggestion) else advice
    )


def _version_fault(version: str) -> _Fault | None:
    if is_tag(version):
        return None
    suggestion = version.replace("+", "-")
    if is_tag(suggestion):
        return f"`{version}` cannot be a tag: no tag has a plus sign", f"use `{suggestion}`"
    return f"`{version}` cannot be a tag", "use at most 128 letters, digits, dots, underscores and hyphens"


def _missing(shown: str) -> Diagnostic:
    return finding(
        Code.PACK_JSON_MISSING,
        f"`{shown}` has no pack.json",
        Origin(shown, 1, 1),
        help="name the folder that holds pack.json, or leave this one out of the manifest",
    )
