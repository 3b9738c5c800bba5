"""Writes the references of the command line and of diagnostic codes in Markdown, from the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from regsync.cli.app import app
from regsync.cli.reference import CODES
from tools.markdown import anchored, cell, prose

FAMILIES = {
    "RS1": "Manifests",
    "RS2": "Packs and charts",
    "RS3": "What manifests and content make together",
}
CODES_INTRODUCTION = """\
# Diagnostic codes

A diagnostic is a finding about files: manifests, packs, charts, lock files. `regsync validate` reports all of them at once,
each with file, line, column and code. Codes keep their meaning. `regsync explain CODE` prints what stands here.

Errors end a run with exit status 3. Warnings do not, unless `validate --strict` makes errors of them. What registries and Palette
answer has no code; see [Troubleshooting](../troubleshooting.md).
"""
COMMANDS_INTRODUCTION = """\
# Command line reference

stdout holds the result; progress, prompts and logs go to stderr. Every option has an environment variable; where both are given, the
option counts. Of an option that is repeatable the variable holds several values separated by white space. `regsync config show`
prints what is in force. Exit statuses: see [Troubleshooting](../troubleshooting.md#exit-statuses).

Three variables belong to no option:

| variable | meaning |
|---|---|
| `REGSYNC_ALLOW_HOSTS` | Globs, separated by white space or commas. Where set, credentials are sent to no other host: endpoint, `connectTo`, token and API hosts alike. |
| `REGSYNC_CACHE_DIR` | Where the indexes of layers are kept. Default: `regsync` in `$XDG_CACHE_HOME`, else in `~/.cache`. |
| `REGSYNC_DEBUG` | Where set, a bug prints its traceback instead of keeping it in a file. |

`REGSYNC_VAR__NAME` sets the template variable `NAME`.
"""


def codes_page() -> str:
    """Return the page of all diagnostic codes."""
    lines = [CODES_INTRODUCTION]
    for family, title in FAMILIES.items():
        lines += [f"## {title}", ""]
        for code, each in sorted(CODES.items()):
            if code.startswith(family):
                lines += anchored(code.lower(), f"### {code}: {prose(each.title)}")
                lines += [f"*{each.severity.capitalize()}.* {prose(each.text)}", ""]
    return "\n".join(lines)


def commands_page() -> str:
    """Return the page of all commands and their options."""
    program = get_command(app)
    lines = [COMMANDS_INTRODUCTION, "## Options before the command", ""]
    lines += ["They stand before the command: `regsync -C DIR plan`.", "", *_parameters(program)]
    for name, command in _commands(program, "regsync"):
        arguments = " ".join(
            f"[{each.metavar}]" if not each.required else str(each.metavar)
            for each in command.params
            if each.param_type_name == "argument"
        )
        options = "[OPTIONS]" if any(each.param_type_name == "option" for each in command.params) else ""
        usage = " ".join(filter(None, [name, options, arguments]))
        lines += [f"## {name}", "", f"`{usage}`", ""]
        lines += [prose(" ".join(str(command.help).split())), "", *_parameters(command)]
    return "\n".join(lines)


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _parameters(command: Any) -> Iterator[str]:
    """Yield the tables of the arguments and of the options of a command, as far as it has any."""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    if arguments:
        yield from ("| argument | meaning |", "|---|---|")
        yield from (f"| `{cell(each.metavar)}` | {cell(prose(each.help))} |" for each in arguments)
        yield ""
    if options:
        yield from ("| option | variable | default | meaning |", "|---|---|---|---|")
        yield from (
            f"| {cell(_option(each))} | {_variable(each)} | {_default(each)} | {cell(prose(each.help))} |"
            for each in options
        )
        yield ""


def _option(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or _choices(option)}"
    return " ".join(f"`{each}{value}`" for each in option.opts)


def _variable(option: Any) -> str:
    return f"`{option.envvar}`" if option.envvar else ""


def _choices(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    return "|".join(str(getattr(each, "value", each)) for each in choices) if choices else "VALUE"


def _default(option: Any) -> str:
    """Return an option's default; nothing where it is off, or where its help says what then counts."""
    default = option.default
    return (
        ""
        if default in (None, False, ()) or not option.show_default
        else f"`{getattr(default, 'value', default)}`"
    )
