from __future__ import annotations

from typing import Any

import pytest

from regsync.content import goyaml
from regsync.content.goyaml import Node, as_text, dump_yaml, load_yaml
from regsync.content.yamltree import BadYaml


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    return [plain(each) for each in node.value] if isinstance(node.value, list) else node.value


# The texts are those that Helm 3.22 gives them where it wants texts.
@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        ("1.10", 1.1, "1.1"),
        ("3.0", 3.0, "3"),
        ("1e3", 1000.0, "1000"),
        ("1234567.5", 1234567.5, "1.2345675e+06"),
        ("20210101.1", 20210101.1, "2.0210102e+07"),
        ("0.00001", 1e-05, "1e-05"),
        (".5", 0.5, "0.5"),
        ("3.4e39", 3.4e39, "+Inf"),
        ("1e400", "1e400", "1e400"),
        ("0777", 511, "511"),
        ("0o17", 15, "15"),
        ("08", 8.0, "8"),
        ("0x1F", 31, "31"),
        ("-0b11", -3, "-3"),
        ("1_000", 1000, "1000"),
        ("+1", 1, "1"),
        ("18446744073709551615", 18446744073709551615, "18446744073709551615"),
        ("18446744073709551616", 18446744073709551616.0, "1.8446744e+19"),
        ("_1", "_1", "_1"),
        ("1:30", "1:30", "1:30"),
        ("2001-01-01", "2001-01-01", "2001-01-01"),
        ("on", True, "true"),
        ("N", False, "false"),
        ("nO", "nO", "nO"),
        ("'1.10'", "1.10", "1.10"),
        ("!!str 1.10", "1.10", "1.10"),
        ("!local 1.10", "1.10", "1.10"),
        ("!!int '7'", 7, "7"),
        ("!!binary aGk=", "hi", "hi"),
        ("=", "=", "="),
    ],
)
def test_scalars_are_those_of_go_yaml(written: str, value: object, text: str) -> None:
    node = load_yaml(written)
    assert (node.value, type(node.value)) == (value, type(value))
    assert isinstance(node.value, str | int | float)
    assert as_text(node.value) == text


@pytest.mark.parametrize("written", ["", "~", "null", "# nothing", "---\n...\n"])
def test_nothing_is_null(written: str) -> None:
    assert load_yaml(written).value is None


def test_only_the_first_document_counts() -> None:
    assert plain(load_yaml("a: 1\n---\nb: [\n")) == {"a": 1}


def test_the_last_of_equal_keys_counts_and_merges_overwrite_what_stands_before_them() -> None:
    text = "p: &p {a: 1, b: 1}\nq: &q {a: 2}\nr: {a: 0, <<: [*p, *q], b: 3}\ns: {a: 1, a: 2, '<<': 3}\n"
    assert plain(load_yaml(text)) == {
        "p": {"a": 1, "b": 1},
        "q": {"a": 2},
        "r": {"a": 1, "b": 3},
        "s": {"a": 2, "<<": 3},
    }


def test_keys_become_texts() -> None:
    assert plain(load_yaml("1: a\n1.50: b\nyes: c\n")) == {"1": "a", "1.5": "b", "true": "c"}


def test_texts_in_brackets_may_hold_colons() -> None:
    assert plain(load_yaml("{a: https://example.com/?b=c, d: [e:f]}")) == {
        "a": "https://example.com/?b=c",
        "d": ["e:f"],
    }


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("a: *b", (1, 4), "the alias *b is not defined before"),
        ("a: &a [*a]", (1, 8), "the alias *a is not defined before"),
        ("~: a", (1, 1), "a key is no text"),
        ("[a]: b", (1, 1), "a key is no text"),
        ("a: 1\n<<: 2", (2, 5), "a merge key wants a mapping"),
        ("a: .inf", (1, 4), ".inf is no number in JSON"),
        ("!!binary '?'", (1, 1), "is no base64"),
        ("a: b: c", (1, 5), "mapping values are not allowed in this context"),
        ("[" * 101, (1, 101), "too many lists and mappings lie in one another"),
    ],
)
def test_what_helm_cannot_read(text: str, position: tuple[int, int], reason: str) -> None:
    with pytest.raises(BadYaml) as caught:
        load_yaml(text)
    assert ((caught.value.line, caught.value.column), caught.value.reason) == (position, reason)


def test_merge_keys_cannot_multiply_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goyaml, "MAX_MERGED", 1000)
    lines = [f"a0: &a0 {{{', '.join(f'k{each}: 1' for each in range(100))}}}"]
    lines += [f"a{each}: &a{each} {{<<: [*a0, *a0, *a0]}}" for each in range(1, 10)]
    with pytest.raises(BadYaml, match="aliases and merge keys make it too large"):
        load_yaml("\n".join(lines))


def test_documents_are_written_as_go_yaml_does() -> None:
    document = {"b": ["yes", "1.10", "a: b", "", "x"], "a": {"t": "1\n2\n", "n": None}, "c": [True, 3, 0.5]}
    assert dump_yaml(document).decode() == (
        'a:\n  "n": null\n  t: |\n    1\n    2\nb:\n- "yes"\n- "1.10"\n- \'a: b\'\n- ""\n- x\nc:\n- true\n- 3\n- 0.5\n'
    )
