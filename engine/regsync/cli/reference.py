"""`explain`, `schema`, `config show`: what the program knows about itself."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator

from typer.core import TyperGroup

from regsync.cli.console import Console
from regsync.cli.status import OK
from regsync.content.codes import CODES as PACK_CODES
from regsync.manifest.codes import CODES as MANIFEST_CODES
from regsync.manifest.schema import kinds, schema_text
from regsync.manifest.variables import ENVIRONMENT_PREFIX
from regsync.model.errors import UsageError
from regsync.report.lines import Style, line
from regsync.run.desired import CODES as STATE_CODES
from regsync.run.lock import CODES as LOCK_CODES
from regsync.run.revisions.versions import CODES as VERSION_CODES

CODES = {**MANIFEST_CODES, **PACK_CODES, **STATE_CODES, **LOCK_CODES, **VERSION_CODES}


def explain(console: Console, code: str | None) -> int:
    if code is None:
        console.out(
            line(f"{each.code}  {each.severity:<7}  {each.title}") for _, each in sorted(CODES.items())
        )
        return OK
    explanation = CODES.get(code.upper())
    if explanation is None:
        raise UsageError(f"no such code: {code}", hint=_nearest(code.upper(), list(CODES), "regsync explain"))
    console.out(
        [
            line(f"{explanation.code}: {explanation.title} ({explanation.severity})", Style.STRONG),
            *(
                line(each)
                for paragraph in explanation.text.split("\n\n")
                for each in ("", *textwrap.wrap(paragraph, 88))
            ),
        ]
    )
    return OK


def schema(console: Console, kind: str | None) -> int:
    if kind is None:
        console.out(line(name) for name in kinds())
    else:
        console.out(line(each) for each in schema_text(kind).splitlines())
    return OK


OTHER_VARIABLES = ("REGSYNC_ALLOW_HOSTS", "REGSYNC_CACHE_DIR", "REGSYNC_DEBUG")
"""Variables that are no option's."""


def config(console: Console, program: TyperGroup) -> int:
    """Every variable that regsync reads, its value now, and where that comes from.

    Other variables with the prefix may be typing errors, or secrets that manifests refer to: named, not shown.
    """
    known = dict.fromkeys(OTHER_VARIABLES) | dict(_option_variables(program))
    given = {name: text for name, text in console.environment.items() if name.startswith("REGSYNC_")}
    names = sorted({*known, *given})
    width = max(map(len, names))
    for name in names:
        shown, style = "(not set)", Style.DIM
        if name in given:
            is_read = name in known or name.startswith(ENVIRONMENT_PREFIX)
            shown = f"{given[name]}  (environment)" if is_read else "(set, but no option of regsync)"
            style = Style.PLAIN if is_read else Style.WARNING
        elif known[name] is not None:
            shown = f"{known[name]}  (default)"
        console.out([line(f"{name:<{width}}  {shown}", style)])
    return OK


def _option_variables(program: TyperGroup) -> Iterator[tuple[str, str | None]]:
    """The variable of each option of a program and its commands, and the default as it would be written there."""
    for command in (program, *program.commands.values()):
        if isinstance(command, TyperGroup) and command is not program:
            yield from _option_variables(command)
        for parameter in command.params:
            if isinstance(parameter.envvar, str):
                default = parameter.default
                yield parameter.envvar, None if default in (None, False) else str(default)


def _nearest(name: str, known: list[str], listing: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"{listing} lists them all"
