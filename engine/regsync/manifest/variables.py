"""Values that templates may look up: options, files and environment become one mapping. Knows no template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from regsync.manifest.nodes import Node, SourceFile, Unknown, Unquoted, kind_of_path, problem, shown_path
from regsync.manifest.source import read
from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.model.settings import Json

ENVIRONMENT_PREFIX = "REGSYNC_VAR__"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KINDS = "text, a whole number, true or false, nor a list of these"
_NAME_RULE = "a variable's name is a letter, then letters, digits and `_`"


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a run: text, whole numbers, true or false, and lists of these. A saved plan records them."""

    values: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            each = value if isinstance(value, list) else [value]
            if not all(isinstance(element, str | int) for element in each):
                raise UsageError(f"variable `{name}` is neither {_KINDS}")

    @classmethod
    def resolve(
        cls,
        options: Sequence[str] = (),
        files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        *,
        root: Path = Path(),
    ) -> Variables:
        """Put together `NAME=VALUE` options, YAML files (relative to `root`) and REGSYNC_VAR__NAME of `environment`.

        An option wins over a file, a later file over an earlier one, a file over the environment.
        Raises UsageError for what is wrong on the command line or in the environment, and ManifestInvalid for
        what is wrong in a file.
        """
        values: dict[str, Json] = {}
        for name, value in (environment or {}).items():
            if name.startswith(ENVIRONMENT_PREFIX):
                values[_checked(name.removeprefix(ENVIRONMENT_PREFIX), name)] = value
        problems: list[Diagnostic] = []
        for file in files:
            values |= _from_file(root / file, root, problems)
        if problems:
            raise ManifestInvalid(tuple(sorted(problems, key=Diagnostic.sort_key)))
        for option in options:
            name, equals, value = option.partition("=")
            if not equals:
                raise UsageError(f"--var {option}: no value", hint="write --var NAME=VALUE")
            values[_checked(name, f"--var {option}")] = value
        return cls(values)


def _checked(name: str, written: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{written}: `{name}` is no name of a variable", hint=_NAME_RULE)
    return name


def _from_file(path: Path, root: Path, problems: list[Diagnostic]) -> dict[str, Json]:
    if kind_of_path(path) is None:
        raise UsageError(f"--var-file: no such file: {shown_path(path, root)}")
    file, documents = read(SourceFile(path, shown_path(path, root), root), problems)
    values: dict[str, Json] = {}
    for document in documents:
        if not isinstance(document.value, dict):
            problems.append(problem("RS117", document.mark, f"{file.shown} is no mapping of names to values"))
            continue
        for name, node in document.value.items():
            if not _NAME.fullmatch(name):
                problems.append(
                    problem("RS117", node.where, f"`{name}` is no name of a variable", advice=_NAME_RULE)
                )
            elements = [_scalar(name, each, problems) for each in node.elements]
            values[name] = elements if isinstance(node.value, list) else elements[0]
    return values


def _scalar(name: str, node: Node, problems: list[Diagnostic]) -> Json:
    match node.value:
        case Unquoted(text):
            problems.append(
                problem(
                    "RS109",
                    node.mark,
                    f"YAML does not read `{text}` as the text that is written",
                    advice=f'quote it: "{text}"',
                )
            )
        case str() | int():
            return node.value
        case Unknown():
            pass
        case _:
            problems.append(
                problem(
                    "RS117",
                    node.mark,
                    f"variable `{name}` is neither {_KINDS}",
                )
            )
    return None
