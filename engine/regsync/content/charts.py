"""The name of a packed Helm chart. Knows where Chart.yaml lies in a chart archive, and nothing of packs."""

from __future__ import annotations

from regsync.content.tar import BadArchive, Kind, Readable, TarReader
from regsync.content.yamltree import BadYaml, read_yaml

_LIMIT = 256 << 20
"""Bytes that a chart may unpack to before its Chart.yaml is found. Helm itself stops at 100 MiB."""
_CHART_YAML_LIMIT = 1 << 20


class BadChart(Exception):
    """The file is no chart archive. The message completes the sentence "the archive …"."""


def chart_name(stream: Readable) -> str:
    """The `name` in a chart archive's Chart.yaml. Raises BadChart.

    Charts lie in one folder; Helm also loads archives that are flat. Subcharts lie deeper and are not looked at.
    """
    reader = TarReader(stream, limit=_LIMIT)
    try:
        for member in reader:
            folder, _, name = member.path.rpartition("/")
            if name == "Chart.yaml" and "/" not in folder and member.kind is Kind.FILE:
                if member.size > _CHART_YAML_LIMIT:
                    raise BadChart("has a Chart.yaml of absurd size")
                return _name(b"".join(reader.data()))
    except BadArchive as failure:
        raise BadChart(str(failure)) from failure
    raise BadChart("has no Chart.yaml")


def _name(data: bytes) -> str:
    try:
        name = read_yaml(data.decode()).get("name").value
    except (BadYaml, UnicodeDecodeError) as failure:
        raise BadChart("has a Chart.yaml that is no YAML") from failure
    if not isinstance(name, str):
        raise BadChart("has a Chart.yaml without a name")
    return name
