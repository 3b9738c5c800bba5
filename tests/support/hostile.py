"""A run in which every text that somebody else may supply is hostile."""

from __future__ import annotations

import re
from dataclasses import replace

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Diagnostic, Origin, Related, Severity, Snippet
from regsync.model.errors import Unreachable
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Cause, Copy, Guard, RegistryView, ResourceType, Source
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.run import Run, Surrounding
from tests.support.plans import make_change, make_plan
from tests.support.reported import make_run

NASTY = (
    "</script><script>alert(1)</script>",
    "</style></pre></details><img src=x onerror=alert(1)>",
    '"\' onclick=alert(1) x="',
    "<!--",
    "]]>&lt;&#0;&amp",
    "\x00\x1b[2J\r\n\t\u202eevil\u2066\ud800\ufffe",
    "javascript:alert(1)",
    "::error::x ##vso[task]",
)
"""Texts that would do something if they were taken for anything but text."""


def hostile(text: str) -> Run:
    """Build a run with `text` wherever a registry, an archive, a manifest or a CI system may put some."""
    name = "n" + re.sub("[@/]", "", text)  # these two make up addresses, and so the tree
    line = " ".join(text.splitlines()) or "x"
    registry, path = f"r{name}", f"a/{name}"
    origin = Origin(text, 3, 4)
    entry = FileEntry(text, "1" * 64, 12)
    address = Address(registry, path, name)
    update = replace(
        make_change("x/x:1", Action.UPDATE),
        address=address,
        cause=Cause.MANIFEST,
        why=text,
        origin=origin,
        before={"title": text + "before", "tags": [text, text]},
        after={"title": text, "tags": [text], "long": [{text: text}] * 40},
        source=Source(text, 1, 1),
        copy=Copy(address, text),
        diffs=(
            FileDiff(
                text,
                FileStatus.CHANGED,
                entry,
                entry,
                tuple(f"{kind}{text}" for kind in ("@@", " ", "-", "+")),
                text,
            ),
        ),
        notes=(text, text),
        help=text,
    )
    project = replace(
        update, type=ResourceType.PROJECT, cause=Cause.DRIFT, address=Address(registry, f"@project/{name}")
    )
    still = replace(
        make_change("x/x:1", Action.NO_OP), address=Address(registry, f"b/{name}", name), notes=(text,)
    )
    regions = tuple(RegistryView(f"e{name}@{each}", text, text, f"{each}{name}", f"1{name}") for each in "12")
    uneven = (
        replace(still, address=Address(regions[0].name, path, name), notes=()),
        replace(make_change("x/x:1"), address=Address(regions[1].name, path, name)),
    )
    plan = make_plan(
        update,
        project,
        still,
        *uneven,
        registries=(RegistryView(registry, text, text), *regions),
        guards=(Guard(text, registry, False, text, text, origin),),
        unreadable=(Unreadable(registry, UnreadableScope.TAG, text, path, name, text),),
        notes=(text,),
    )
    results = (Result(update, Status.FAILED, text, text, 1, 1.0), Result(project, Status.APPLIED))
    diagnostic = Diagnostic(
        text, Severity.ERROR, text, origin, Snippet(text, 2), line, text, (Related(origin, text),)
    )
    return make_run(
        plan,
        outcome=Outcome(plan, results),
        diagnostics=(diagnostic,),
        error=Unreachable(text, hint=text),
        requests={registry: 3},
        surrounding=Surrounding(text, f"https://{text}", text),
    )
