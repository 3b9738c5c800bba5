from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from regsync.manifest.nodes import Mark, Node, SourceFile, Unknown
from regsync.manifest.template import LARGEST, render
from regsync.manifest.variables import Variables
from regsync.model.diagnostic import Diagnostic
from regsync.model.settings import Json
from tests.manifest.desk import Desk, marked, parse, registry

VALUES: dict[str, Json] = {"text": "a-B", "number": 5, "truth": True, "list": ["x", "y"], "items": "shadow"}


def rendered(text: str, values: dict[str, Json] | None = None) -> tuple[Node, list[Diagnostic]]:
    file = SourceFile(Path("x.yaml"), "x.yaml", Path(), (text,))
    problems: list[Diagnostic] = []
    variables = Variables(VALUES if values is None else values)
    return render(Node(text, Mark(file, 1, 1, len(text))), variables, problems), problems


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ var.text }}", "a-B"),
        ("{{ var.number }}", 5),
        ("{{ var.truth }}", True),
        ("{{ var.items }}", "shadow"),
        ("<{{ var.number }}|{{ var.truth }}>", "<5|true>"),
        ("{{ var.text | lower }}{{ var.text | upper }}", "a-bA-B"),
        ("{{ ' x ' | trim }}", "x"),
        ("{{ var.text | replace('-', '_') }}", "a_B"),
        ("{{ var.list | join(',') }}", "x,y"),
        ("{{ var.gone | default('d') }}", "d"),
        ("{{ var.gone | default(var.list) | join }}", "xy"),
        ("{{ var.text | default('d') }}", "a-B"),
        ("{# a comment #}x", "x"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ var.text }}\n", "a-B\n"),
        ("no template }} here", "no template }} here"),
    ],
)
def test_templates_look_up_variables(template: str, value: object) -> None:
    node, problems = rendered(template)
    assert (node.value, problems) == (value, [])


def test_a_lone_list_stays_a_list() -> None:
    node, _ = rendered("{{ var.list }}")
    assert node.data() == ["x", "y"]


HOSTILE = [
    "{{ var.__class__ }}",
    "{{ var['__class__'] }}",
    "{{ var.text.__class__.__mro__ }}",
    "{{ var.text.format(var) }}",
    "{{ var.text.upper() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace() }}",
    "{{ range(999999999) | list }}",
    "{{ 'x' * 999999999 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ self }}",
    "{{ env.HOME }}",
    "{{ var.list | map('upper') | list }}",
    "{{ var.text | attr('__class__') }}",
    "{{ var.list | join(',', '__class__') }}",
    "{{ var.list | join(attribute='__class__') }}",
    "{{ var.text if true else var.text }}",
    "{{ [var.text] }}",
    "{{ {'a': 1} }}",
    "{{ 1.10 }}",
    "{{ none }}",
    "{{ '\\x00' }}",
    "{{ 'aaaaaaaaaa' " + "| replace('a', 'aaaaaaaaaa') " * 20 + "}}",
    "{{ " + "(" * 5000 + " }}",
    "{{ " + "9" * 5000 + " }}",
    "{% for x in range(9) %}{{ x }}{% endfor %}",
    "{% set x = var.text %}{{ x }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% macro x() %}{% endmacro %}",
    "{{ var }}",
    "{{ var.text | unknown }}",
    "{{ var.text | replace('a') }}",
    "{{ var.text | default }}",
    "{{ var.list }} in a text",
    "{{ var.text",
    "{{ .Values.x }}",
    "{{ }}",
    "{{ var.text }}\ue000",
]


@pytest.mark.parametrize("template", HOSTILE, ids=lambda template: template[:40])
def test_a_template_can_do_nothing_else(template: str) -> None:
    node, problems = rendered(template)
    assert isinstance(node.value, Unknown)
    assert [each.code for each in problems] in (["RS112"], ["RS113"])


TOKENS = [
    *"{}%#|.()[]'\",~=+*-_ 0",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "var",
    "text",
    "list",
    "default",
    "join",
    "if",
    "not",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=20))
def test_any_template_gives_a_plain_value_or_a_finding(tokens: list[str]) -> None:
    node, problems = rendered("".join(tokens))
    assert isinstance(node.value, str | int | list | Unknown)
    assert isinstance(node.value, Unknown) == bool(problems)


@given(st.text(max_size=40))
@example("\ue000")
@example("{{.spectro.system.aws.region}}")
def test_a_value_is_never_a_template_itself(value: str) -> None:
    assume("\0" not in value)
    node, problems = rendered("<{{ var.x }}>", {"x": value})
    assert (node.value, problems) == (f"<{value}>", [])


@given(st.text(alphabet="ab{}.|% \n"))
def test_rendering_moves_no_position(value: str) -> None:
    (document,) = parse(registry("content: [{absent: 'x:1', path: '{{ var.x }}'}, {set: gone}]"), [])
    assert list(walk(render(document, Variables({"x": value}), []))) == list(walk(document))


def walk(node: Node) -> Iterator[tuple[Mark, Mark | None]]:
    """The positions of a node and of all below."""
    yield node.mark, node.key
    below = node.fields.values() if isinstance(node.value, dict) else node.each
    for child in below:
        if child is not node:
            yield from walk(child)


def test_the_size_of_a_text_has_a_limit() -> None:
    node, problems = rendered("{{ var.x | replace('', 'yy') }}", {"x": "x" * (LARGEST // 2)})
    assert isinstance(node.value, Unknown)
    assert "characters" in problems[0].summary


def test_the_field_decides_the_type(desk: Desk) -> None:
    text = registry(
        "baseContentPaths: '{{ var.paths }}'",
        "repositories: {base: '{{ var.base }}'}",
        "policy: {maxDeletes: '{{ var.deletes }}', maxDeleteShare: '{{ var.share }}', protect: ['{{ var.number }}']}",
    )
    spec = desk.declared(
        text, {"paths": ["1.10", "b"], "base": "false", "deletes": "7", "share": 50, "number": 12}
    ).spec
    assert spec.base_content_paths == ("1.10", "b")
    assert spec.repositories.base is False
    assert (spec.policy.max_deletes, spec.policy.max_delete_share, spec.policy.protect) == (7, 50, ("12",))


def test_the_schema_judges_what_was_rendered(desk: Desk) -> None:
    found = desk.found(registry("policy: {maxDeletes: '{{ var.deletes }}'}"), {"deletes": "many"})
    assert (found.code, marked(found)) == ("RS108", "'{{ var.deletes }}'")
    assert "`{{ var.deletes }}` renders to `many`" in (found.detail or "")


def test_an_unknown_variable_is_marked_and_explained(desk: Desk) -> None:
    found = desk.found(registry('endpoint: "https://{{ var.hots }}:443"'), {"host": "h"})
    assert (found.code, marked(found), found.summary) == ("RS113", "var.hots", "unknown variable `hots`")
    assert (
        found.help
        == "did you mean `host`? If not, set it: --var hots=VALUE, --var-file, or REGSYNC_VAR__hots"
    )


def test_an_unrendered_value_is_reported_once_and_the_rest_is_judged(desk: Desk) -> None:
    loaded = desk.check(
        registry("type: '{{ var.gone }}'", "polcy: {}", "baseContentPaths: ['{{ var.gone }}']")
    )
    assert [each.code for each in loaded.diagnostics] == ["RS113", "RS106", "RS113"]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (
            "basePath: '/{{ .spectro.system.aws.region }}'",
            "it has a meaning only in spec.endpoint, spec.connectTo, spec.repositories.encryption.key",
        ),
        (
            "endpoint: '{{.spectro.system.cloud.region}}'",
            "regsync renders `{{.spectro.system.aws.region}}` only",
        ),
        ("endpoint: '{{.spectro.var.x | upper}}'", "regsync renders `{{.spectro.system.aws.region}}` only"),
        (
            "endpoint: '{{ . spectro.system.aws.region}}'",
            "regsync renders `{{.spectro.system.aws.region}}` only",
        ),
    ],
)
def test_a_macro_of_palette_is_refused_where_it_cannot_be_rendered(
    desk: Desk, line: str, advice: str
) -> None:
    found = desk.found(registry(line))
    assert (found.code, found.help) == ("RS114", advice)
    assert marked(found).startswith("{{")


@pytest.mark.parametrize("spelling", ["{{.spectro.system.aws.region}}", "{{ .spectro.system.aws.region }}"])
def test_the_macro_of_the_region_stands_beside_variables(desk: Desk, spelling: str) -> None:
    text = registry(
        "type: ecr",
        f'endpoint: "{{{{ var.account }}}}.dkr.ecr.{spelling}.amazonaws.com"',
        "regions: [us-east-1]",
    )
    spec = desk.declared(text, {"account": "214575254960"}).spec
    assert spec.shown_endpoint == "214575254960.dkr.ecr.us-east-1.amazonaws.com"
    found = desk.found(text, {"account": "12345"})
    assert (found.code, found.summary) == ("RS121", "`12345` is no AWS account: an account has 12 digits")


@pytest.mark.parametrize(
    "endpoint",
    [
        "{{ var.endpoint }}",
        "{{ var.gone | default('1234.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com') }}",
        "{% raw %}1234.dkr.ecr.{{ .spectro.system.aws.region }}{% endraw %}.amazonaws.com",
    ],
)
def test_the_macro_of_the_region_may_come_from_anywhere(desk: Desk, endpoint: str) -> None:
    text = registry("type: ecr", f'endpoint: "{endpoint}"', "regions: [us-east-1]")
    variables = {"endpoint": "1234.dkr.ecr.{{ .spectro.system.aws.region }}.amazonaws.com"}
    assert desk.found(text, variables).summary == "`1234` is no AWS account: an account has 12 digits"
