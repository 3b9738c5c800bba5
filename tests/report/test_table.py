from __future__ import annotations

from regsync.report.lines import Style
from regsync.report.table import Row, table


def test_help_of_several_lines_stands_below_its_first_one() -> None:
    statement = '{"Effect": "Allow", "Action": "sts:AssumeRole"}'
    row = Row("x", "team/@palette/team", "failed", (), Style.ERROR, help=f"its policy must have\n{statement}")
    assert [each.text for each in table([row])] == [
        "x team/@palette/team   failed",
        "    help: its policy must have",
        f"          {statement}",
    ]
