"""IAM policies as text to copy from, and as the document of `schemas/iam.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from regsync.model.access import Access, IamPolicy
from regsync.model.settings import Json
from regsync.report.lines import Line, Style, line

FORMAT_VERSION = "1.0"
"""Keys may be added within a major version."""


def render_iam(found: Sequence[Access]) -> list[Line]:
    """Each policy under a heading that says whose it is, ready to be pasted."""
    lines = []
    for access in found:
        where = " ".join(each for each in (access.type.value, access.account) if each)
        lines += [
            line(f"{access.registry}   {where}   {', '.join(access.regions)}".rstrip(), Style.STRONG),
            line(),
        ]
        for policy in access.policies:
            lines += [*_policy(policy), line()]
    return lines[:-1]


def _policy(policy: IamPolicy) -> list[Line]:
    return [
        line(f"# {policy.title}", Style.STRONG),
        *(line(f"# note: {note}") for note in policy.notes),
        *(line(each) for each in json.dumps(policy.document, indent=2).splitlines()),
    ]


def iam_to_json(found: Sequence[Access]) -> dict[str, Json]:
    """All of `found` in one document; policies by their names (`plan`)."""
    return {
        "format_version": FORMAT_VERSION,
        "registries": [
            {
                "name": access.registry,
                "type": access.type.value,
                "account": access.account or None,
                "regions": [*access.regions],
                "policies": {
                    policy.name: {
                        "title": policy.title,
                        "notes": [*policy.notes],
                        "document": dict(policy.document),
                    }
                    for policy in access.policies
                },
            }
            for access in found
        ],
    }
