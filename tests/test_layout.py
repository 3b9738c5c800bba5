from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.servers import ROOT

PACKAGE = ROOT / "engine" / "regsync"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path for path in PACKAGE.iterdir() if path.is_dir() and path.name.isalpha())
LIMIT = 400


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_can_be_read_in_one_sitting(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LIMIT, f"{name(module)} has {lines} lines; split it by what its parts know"


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_every_room_says_what_it_knows(room: Path) -> None:
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{name(room)}/__init__.py has no docstring"
