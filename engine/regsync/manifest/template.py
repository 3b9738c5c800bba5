"""Renders `{{ var.NAME }}` in the texts of a parsed document; positions stay. Knows no YAML, file or environment.

A pull request may write templates, so they can look up variables and nothing else: what Jinja2 parses is held
against the few allowed forms before it is evaluated, in Jinja2's sandbox and without its globals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.sandbox import SandboxedEnvironment

from regsync.manifest.nodes import Mark, Node, Unknown, nearest, problem
from regsync.manifest.variables import ENVIRONMENT_PREFIX, Variables
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import REGION_MACRO

LARGEST = 64 * 1024
"""Characters that one text may grow to: `replace` after `replace` could fill the memory."""

_MACRO = re.compile(r"\{\{-?\s*(\.\s*spectro\b[^{}]*?)\s*-?\}\}")
_SHIELD = "\ue000"  # stands for a macro, which is no Jinja2, while a text is parsed; means nothing (Unicode)
_SHIELDED = re.compile(f"{_SHIELD}([0-9]+);")
_REGION_FIELDS = ("spec.endpoint", "spec.connectTo", "spec.repositories.encryption.key")


def render(document: Node, variables: Variables, problems: list[Diagnostic]) -> Node:
    """The document with every template evaluated. A text that is one lone expression takes the variable's type.

    What cannot be rendered becomes a finding and an `Unknown` value.
    """
    return _render(document, "", _Templates(variables), problems)


def _render(node: Node, path: str, templates: _Templates, problems: list[Diagnostic]) -> Node:
    if isinstance(node.value, dict):
        below = f"{path}." if path else ""
        fields = {name: _render(each, below + name, templates, problems) for name, each in node.value.items()}
        return replace(node, value=fields)
    if isinstance(node.value, list):
        return replace(node, value=[_render(each, path, templates, problems) for each in node.value])
    if not isinstance(node.value, str) or not node.holds_template:
        return node
    text = node.value
    try:
        _check_macros(text, path)
        value = templates.value(text)
    except _MacroError as error:
        mark = _within(node.mark, error.macro)
        found = problem("RS114", mark, f"`{error.macro}` cannot be rendered here", advice=error.advice)
    except _UnknownVariableError as error:
        mark = _within(node.mark, f"var.{error.name}")
        found = problem("RS113", mark, f"unknown variable `{error.name}`", advice=error.advice)
    except (TemplateError, RecursionError, ValueError) as error:
        found = problem("RS112", node.mark, f"the template cannot be rendered: {error}", advice=_ONLY)
    except TypeError:
        found = problem("RS112", node.mark, "a filter has the wrong arguments", advice=_ONLY)
    else:
        if isinstance(value, list):
            value = [Node(each, node.mark, template=text) for each in value]
        return replace(node, value=value, template=text)
    problems.append(found)
    return replace(node, value=Unknown(), template=text)


class _MacroError(Exception):
    def __init__(self, macro: str, advice: str) -> None:
        self.macro = macro
        self.advice = advice


class _UnknownVariableError(Exception):
    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        self.name = name
        self.advice = f"set it: --var {name}=VALUE, --var-file, or {ENVIRONMENT_PREFIX}{name}"
        if match := nearest(name, known):
            self.advice = f"did you mean `{match}`? If not, {self.advice}"


def _check_macros(text: str, path: str) -> None:
    for macro in _MACRO.finditer(text):
        if macro[1] != REGION_MACRO.strip("{}"):
            raise _MacroError(macro[0], f"regsync renders `{REGION_MACRO}` only")
        if path not in _REGION_FIELDS:
            raise _MacroError(macro[0], f"it has a meaning only in {', '.join(_REGION_FIELDS)}")


class _Templates:
    def __init__(self, variables: Variables) -> None:
        self._values = variables.values
        self._scope = {"var": SimpleNamespace(**variables.values)}
        self._jinja = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
        self._jinja.globals.clear()
        self._jinja.tests.clear()
        self._jinja.filters = dict(_FILTERS)

    def value(self, text: str) -> Any:
        """What a text evaluates to: the variable's own value for one lone expression, else text."""
        if _SHIELD in text:
            raise TemplateError("it holds the character U+E000")
        parts: list[nodes.Expr] = []
        macros = [each[0] for each in _MACRO.finditer(text)]
        numbers = count()
        shielded = _MACRO.sub(lambda _: f"{_SHIELD}{next(numbers)};", text)
        for statement in self._jinja.parse(shielded).body:
            if not isinstance(statement, nodes.Output):
                raise TemplateError("it holds a statement")
            _unshield(statement, macros)
            parts += statement.nodes
        for part in parts:
            self._check(part)
        values = [self._evaluate(part) for part in parts]
        value = values[0] if len(values) == 1 else "".join(_text(each) for each in values)
        if not isinstance(value, str):
            return value
        if "\0" in value:
            raise TemplateError("it makes a NUL character")
        return value

    def _check(self, part: nodes.Node | None, *, optional: bool = False) -> None:
        """Refuse every form but constants, `var.NAME`, and filters of these."""
        match part:
            case nodes.TemplateData() | nodes.Const(value=str() | int()):
                pass
            case nodes.Getattr(node=nodes.Name(name="var"), attr=name):
                if name not in self._values and not optional:
                    raise _UnknownVariableError(name, self._values)
            case nodes.Filter(name=name, kwargs=[], dyn_args=None, dyn_kwargs=None) if name in _FILTERS:
                self._check(part.node, optional=name == "default")
                for argument in part.args:
                    self._check(argument)
            case _:
                raise TemplateError("it does more than look up a variable")

    def _evaluate(self, part: nodes.Expr) -> Any:
        """The value itself, where rendering would make text of it."""
        if isinstance(part, nodes.TemplateData):
            return part.data
        result = nodes.Assign(nodes.Name("result", "store", lineno=1), part, lineno=1)
        template = nodes.Template([result], lineno=1)
        template.set_environment(self._jinja)
        return self._jinja.from_string(template).make_module(self._scope).__dict__["result"]


def _unshield(statement: nodes.Output, macros: Sequence[str]) -> None:
    """Put the macros back, as they are written, in what the text itself holds; no value of a variable is looked at."""
    for data in statement.find_all(nodes.TemplateData):
        data.data = _SHIELDED.sub(lambda found: macros[int(found[1])], data.data)
    for constant in statement.find_all(nodes.Const):
        if isinstance(constant.value, str):
            constant.value = _SHIELDED.sub(lambda found: macros[int(found[1])], constant.value)


def _text(value: object) -> str:
    if isinstance(value, list):
        raise TemplateError("a list stands within text; `join` makes text of it")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join(value: object, between: str = "") -> str:
    if not isinstance(value, list):
        raise TemplateError("`join` is for lists")
    return between.join(_text(each) for each in value)


def _replace(value: object, old: str, new: str) -> str:
    text = _text(value)
    if len(text) + text.count(old) * len(new) > LARGEST:
        raise TemplateError(f"it makes a text of more than {LARGEST} characters")
    return text.replace(old, new)


_FILTERS: Mapping[str, Callable[..., object]] = {
    "default": lambda value, other: other if isinstance(value, Undefined) else value,
    "join": _join,
    "lower": lambda value: _text(value).lower(),
    "replace": _replace,
    "trim": lambda value: _text(value).strip(),
    "upper": lambda value: _text(value).upper(),
}
_ONLY = "a template may look up `{{ var.NAME }}`, with the filters " + ", ".join(_FILTERS)


def _within(mark: Mark, text: str) -> Mark:
    """Where `text` stands in the marked source line, else the mark itself."""
    found = mark.file.lines[mark.line - 1].find(text, mark.column - 1)
    return Mark(mark.file, mark.line, found + 1, len(text)) if found >= 0 else mark
