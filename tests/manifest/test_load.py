from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from regsync.manifest.load import Variables, load
from tests.manifest.desk import DATA

VALID = [
    document
    for path in sorted((DATA / "valid").glob("*.yaml"))
    for document in YAML(typ="safe", pure=True).load_all(path.read_text())
]
ODD = [
    "",
    "x",
    "1.10",
    "a:1",
    "../packs/*",
    "{{ var.x }}",
    "{{ var.list }}",
    "{{",
    "http://h",
    "x" * 300,
    "\0",
    "ü",
]
SCALARS = st.sampled_from([*ODD, 1.10, 5, -1, True, None, 10**30])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "packs", "x"]), inner)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in below:
        yield from places(each, (*path, step))


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@given(st.data())
def test_whatever_stands_in_a_field_is_judged_and_never_raises(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(VALID))
    path = data.draw(st.sampled_from(list(places(document))))
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "changed.yaml")
        manifest.write_text(json.dumps(changed(document, path, data.draw(VALUES))))
        loaded = load([manifest], root=Path(folder), variables=Variables({"list": ["x", 1]}))
    assert loaded.files == 1
    assert all(each.summary for each in loaded.diagnostics)
