"""What is said of Palette: registrations and synchronizations as the planner plans them, and what users must type."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from html import unescape
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from regsync.model.codec import plan_to_json
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.palette import LiveSync, Lookup, Unwanted, UnwantedRegistration
from regsync.model.plan import Action, Plan, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, Overwrite, Provider
from regsync.model.settings import Json
from regsync.model.state import (
    DesiredRegistry,
    LiveArtifact,
    LivePalette,
    LiveState,
    Unreadable,
    UnreadableScope,
)
from regsync.planner.build import build_plan
from regsync.report.html import render_html
from regsync.report.lines import plain
from regsync.report.markdown import render_markdown
from regsync.report.outcome import render_outcome
from regsync.report.plan import Detail, render_plan
from regsync.report.registrations import show_setting
from regsync.report.run import Run
from tests.support.plans import plans
from tests.support.registrations import AT, PALETTE, SETTINGS, in_palette, registered
from tests.support.states import a_registry, a_request, a_spec, absent, desired, live, there, wanted

Golden = Callable[[str, str], None]

CERTIFICATE = """-----BEGIN CERTIFICATE-----
MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm
-----END CERTIFICATE-----
"""
ROLE: Mapping[str, Json] = {
    "type": "ecr",
    "provider": "pack",
    "endpoint": "214575254960.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com",
    "defaultRegion": "us-east-1",
    "baseContentPath": "team",
    "private": True,
    "synchronization": True,
    "auth": "sts",
    "roleArn": "arn:aws:iam::214575254960:role/palette-read",
}
PACKS = ("argo", "cilium", "kyverno", "nginx", "redis", "vault", "zot")


@dataclass
class World:
    """Documents with what they want and what is there, and the plan that comes of it."""

    registries: list[DesiredRegistry] = field(default_factory=list)
    states: list[LiveState] = field(default_factory=list)
    lookups: dict[Address, Lookup] = field(default_factory=dict)
    dark: list[Unreadable] = field(default_factory=list)

    def add(
        self,
        document: str,
        found: Lookup,
        settings: Mapping[str, Json] = SETTINGS,
        *,
        packs: Iterable[str] = ("nginx",),
        held: Iterable[LiveArtifact] | None = None,
        gone: Iterable[str] = (),
        overwrite: Overwrite = Overwrite.NEVER,
        paths: Iterable[str] = (),
        **more: Any,
    ) -> None:
        """A document with its registration, and one for each of `paths`; `held` is what is live, `gone` tombstones. Where
        nothing is told of that, there is nothing to do."""
        spec = a_spec(document, overwrite=overwrite)
        artifacts = [wanted(each, registry=document) for each in packs]
        there_now = [there(each, registry=document) for each in packs] if held is None else list(held)
        registrations = [registered(settings, *artifacts, document=document, registry=spec, **more)]
        registrations += [
            registered(
                {**settings, "baseContentPath": path},
                document=document,
                registry=spec,
                name=f"{document}-{path.replace('/', '-')}",
            )
            for path in paths
        ]
        absences = [
            replace(absent(each), address=replace(absent(each).address, registry=document)) for each in gone
        ]
        held_now = {each.address for each in there_now}
        missing = [each.address for each in artifacts if each.address not in held_now]
        registry = a_registry(*artifacts, spec=spec, absences=absences)
        self.registries.append(replace(registry, registrations=tuple(registrations)))
        self.states.append(live(*there_now, missing=missing, registry=document))
        self.lookups |= {each.address: found for each in registrations}

    def plan(self, **request: Any) -> Plan:
        seen = {name: found for each in self.states for name, found in each.registries.items()}
        palettes = {"prod": LivePalette(self.lookups, tuple(self.dark))}
        return build_plan(a_request(**request), desired(*self.registries), LiveState(seen, palettes))


def registrations() -> Plan:
    """Every way in which Palette may know a registry otherwise than it should."""
    world = World()
    trusting = {**SETTINGS, "certificate": CERTIFICATE}
    world.add("new", Lookup(), trusting, paths=["edge/eu"])
    old = {"endpoint": "https://old.example.com", "username": "admin", "certificate": ""}
    world.add("settings", in_palette({**SETTINGS, **old}), trusting)
    world.add("trust", in_palette(trusting), {**SETTINGS, "insecureSkipVerify": True})
    world.add("version", in_palette({**SETTINGS, "password.version": 1}))
    world.add("sent-anew", in_palette())
    world.add("replaced", in_palette({**SETTINGS, "type": "ecr"}), may_replace=True)
    world.add("fixed", in_palette({**SETTINGS, "type": "ecr"}))
    world.add("theirs", in_palette({**SETTINGS, "username": "data"}, owner="data"))
    world.add("unmarked", in_palette({**SETTINGS, "username": "data"}, owner=None))
    world.add("twin", Lookup(twins=("harbor-old",)))
    world.add("taken", Lookup(taken_by="a Helm registry"))
    world.add("default", in_palette({**SETTINGS, "username": "x"}, is_default=True))
    tenant = replace(in_palette({**ROLE, "externalId": "stale"}), external_id="7d2a-tenant")
    world.add("role", tenant, ROLE, auth=Auth(AuthMethod.STS))
    world.add("role-new", Lookup(external_id="7d2a-tenant"), ROLE, auth=Auth(AuthMethod.STS))
    world.add("renamed", in_palette())
    gone = UnwantedRegistration(
        Address.of_registration("renamed", "renamed-old"), Unwanted(PALETTE, "renamed-old", AT), "platform"
    )
    world.registries[-1] = replace(world.registries[-1], unregistered=(gone,))
    world.lookups[gone.address] = in_palette()
    world.add("dark", Lookup())
    unread = Address.of_registration("dark", "dark")
    del world.lookups[unread]
    why = "GET https://palette.example.com/v1/registries/metadata: 401, the key is refused"
    hint = "make a new key of a tenant admin (registries/palette.yaml:6:13)"
    world.dark.append(Unreadable("dark", UnreadableScope.TAG, why, unread.path, hint=hint))
    return world.plan(send_secrets=("sent-anew/@palette/sent-anew",))


def syncs() -> Plan:
    """A synchronization for each reason, and one that is held back."""
    world = World()
    listed = frozenset(f"{each}:1.0.0" for each in PACKS)
    world.add("content", in_palette(listed=frozenset()), packs=PACKS, held=[])
    overwritten = [there("nginx", "old", registry="force")]
    world.add("force", in_palette(), held=overwritten, overwrite=Overwrite.ALLOW)
    world.add("never", in_palette(sync=None))
    refused = LiveSync("Failed", "401 Unauthorized", last_synced="2026-11-01T05:00:00Z")
    world.add("failed", in_palette(sync=refused))
    both = in_palette(sync=refused, listed=frozenset())
    world.add("failed-and-content", both, held=[])
    world.add("unlisted", in_palette(listed=listed - {"nginx:1.0.0", "zot:1.0.0"}), packs=PACKS)
    world.add("changed", in_palette({**SETTINGS, "username": "admin"}))
    old = [there("nginx", registry="deletes"), there("old", registry="deletes")]
    world.add("deletes", in_palette(), held=old, gone=["old"])
    theirs = in_palette({**SETTINGS, "username": "data"}, owner="data", listed=frozenset())
    world.add("withheld", theirs)
    world.add("equal", in_palette())
    return world.plan()


def charts(found: Lookup | None = None) -> Plan:
    """A registry of charts that Palette knows by name only: two are new, one is there; and one more registry that Palette
    lists by itself."""
    world = World()
    world.add("packs", in_palette())
    spec = replace(a_spec("charts"), provider=Provider.HELM, synchronization=False)
    settings = {**SETTINGS, "provider": "helm", "synchronization": False, "baseContentPath": "team"}
    names = [("nginx", "18.3.1_build.4"), ("redis", "20.1.0"), ("kyverno", "3.1.0")]
    artifacts = [replace(wanted(name), address=Address("charts", f"team/{name}", tag)) for name, tag in names]
    last = artifacts[-1]
    held = replace(there("kyverno"), address=last.address)
    registration = registered(settings, document="charts", registry=spec)
    world.registries.append(replace(a_registry(*artifacts, spec=spec), registrations=(registration,)))
    missing = [each.address for each in artifacts[:-1]]
    world.states.append(live(held, missing=missing, registry="charts"))
    world.lookups[registration.address] = found or Lookup()
    return world.plan()


def carried_out(plan: Plan, ends: Mapping[str, Mapping[str, Any]] | None = None) -> Outcome:
    """The plan applied; `ends` says by document which syncs came to something else than two listed packs."""
    results = []
    for each in plan.changes:
        if each.action is Action.BLOCKED:
            results.append(Result(each, Status.REFUSED, each.why, each.help))
        elif each.type is ResourceType.SYNC and each.action.writes:
            result = Result(each, Status.APPLIED, "synchronized, 2 listed", seconds=34.2)
            results.append(replace(result, **(ends or {}).get(each.address.registry, {})))
        elif each.action.writes:
            results.append(Result(each, Status.APPLIED, seconds=0.4))
    return Outcome(plan, tuple(results), seconds=41.0, requests={"palette prod": 31})


SYNCED = carried_out(
    syncs(),
    {
        "never": {
            "status": Status.FAILED,
            "detail": "after 600 s, Palette does not list nginx:1.0.0",
            "hint": f"Palette may go on by itself: plan again later, or raise palette.sync.timeout ({AT})",
        },
        "content": {
            "status": Status.SKIPPED,
            "detail": "held back, since content/team/spectro-packs/archive/argo:1.0.0 was not written",
        },
        "changed": {"detail": "started, while another one is running", "seconds": 0.3},
        "deletes": {"detail": "synchronized", "seconds": 12.0},
    },
)


@pytest.mark.parametrize("detail", Detail)
def test_registrations(golden: Golden, detail: Detail) -> None:
    golden(f"report/registrations-{detail}", plain(render_plan(registrations(), detail=detail)))


@pytest.mark.parametrize("detail", Detail)
def test_synchronizations(golden: Golden, detail: Detail) -> None:
    golden(f"report/syncs-{detail}", plain(render_plan(syncs(), detail=detail)))


def test_synchronizations_that_came_about_and_that_did_not(golden: Golden) -> None:
    golden("report/syncs-applied", plain(render_outcome(SYNCED)))


def test_what_palette_does_not_list_is_typed(golden: Golden) -> None:
    plan = charts()
    golden("report/typed-plan", plain(render_plan(plan)))
    golden("report/typed-applied", plain(render_outcome(carried_out(plan))))


def a_run(plan: Plan, outcome: Outcome | None = None) -> Run:
    command = "apply" if outcome else "plan"
    return Run(command, datetime(2026, 11, 21, 5, 31, tzinfo=UTC), plan=plan, outcome=outcome)


def test_palette_in_a_comment(golden: Golden) -> None:
    golden("report/markdown-registrations.md", render_markdown(a_run(registrations())))
    golden("report/markdown-syncs.md", render_markdown(a_run(syncs())))
    golden("report/markdown-typed.md", render_markdown(a_run(charts(), carried_out(charts()))))


def test_what_is_pushed_is_typed_even_where_palette_knows_the_registry_already() -> None:
    known = in_palette({**SETTINGS, "provider": "helm", "synchronization": False})
    plan = charts(known)
    assert "kyverno" not in plain(render_plan(plan))
    pushed = carried_out(plan)
    assert "    nginx   18.3.1+build.4\n    redis   20.1.0\n" in plain(render_outcome(pushed))
    failed = [replace(each, status=Status.FAILED) for each in pushed.results]
    assert "to type" not in plain(render_outcome(replace(pushed, results=tuple(failed))))


def test_of_many_charts_the_rest_stands_elsewhere() -> None:
    plan = charts()
    nginx = next(each for each in plan.changes if "nginx" in each.address.path)
    more = [
        replace(nginx, address=Address("charts", f"team/chart-{number:02}", "1.0.0")) for number in range(30)
    ]
    many = replace(plan, changes=(*plan.changes, *more))
    assert "    … 13 more: regsync endpoints\n" in plain(render_plan(many))
    assert "    chart-29   1.0.0\n" in plain(render_plan(many, detail=Detail.FULL))
    assert "to type" not in plain(render_plan(many, detail=Detail.SUMMARY))


def test_charts_of_several_paths_are_told_apart() -> None:
    plan = charts()
    nginx = next(each for each in plan.changes if "nginx" in each.address.path)
    other = replace(nginx, address=Address("charts", "edge/nginx", "1.0.0"))
    shown = plain(render_plan(replace(plan, changes=(*plan.changes, other))))
    assert "    nginx     1.0.0 (base content path edge)\n" in shown
    assert "    redis     20.1.0 (base content path team)\n" in shown


def test_certificates_are_told_by_their_fingerprints() -> None:
    one, other = (trustme.CA().cert_pem.bytes().decode() for _ in range(2))
    printed = sha256(ssl.PEM_cert_to_DER_cert(one)).hexdigest()
    assert show_setting("certificate", one, full=True) == f"PEM sha256:{printed}"
    assert show_setting("certificate", one.replace("\n", "\r\n"), full=False) == f"PEM sha256:{printed[:12]}…"
    assert show_setting("certificate", one + other, full=False).startswith("2 × PEM sha256:")
    assert show_setting("certificate", "c2VjcmV0", full=False).startswith("no PEM sha256:")
    assert show_setting("certificate", "", full=False) == "none"


def test_no_report_for_people_prints_a_certificate() -> None:
    plan = registrations()
    outcome = carried_out(plan)
    texts = [plain(render_plan(plan, detail=each)) for each in Detail]
    texts += [plain(render_outcome(outcome, detail=each)) for each in Detail]
    for run in (a_run(plan), a_run(plan, outcome)):
        texts += [render_markdown(run), "".join(render_html(run))]
    body = CERTIFICATE.splitlines()[1]
    assert not any("BEGIN CERTIFICATE" in each or body in each for each in texts)
    assert body in json.dumps(plan_to_json(plan, timestamp="2026-11-21T05:31:00Z"))


def test_a_page_says_of_palette_what_the_text_says() -> None:
    shown = unescape(re.sub(r"<[^>]*>", " ", "".join(render_html(a_run(registrations())))))
    assert "externalId  stale → 7d2a-tenant" in shown
    assert "password.version  1 → 2   the password is sent anew" in shown
    page = unescape(re.sub(r"<[^>]*>", " ", "".join(render_html(a_run(charts(), carried_out(charts()))))))
    assert "To type in Palette" in page
    assert re.search(r"charts\s+nginx\s+18\.3\.1\+build\.4\s", page)


def test_nothing_to_do_is_said_of_palette_too() -> None:
    world = World()
    world.add("equal", in_palette())
    held = "No changes. The registries and Palette hold what the manifests ask for.\n"
    assert held in plain(render_plan(world.plan()))


def test_palette_and_registries_may_both_be_dark() -> None:
    plan = registrations()
    assert "incomplete: 1 part of Palette could not be read" in plain(render_plan(plan))
    both = (*plan.unreadable, Unreadable("theirs", UnreadableScope.REGISTRY, "no answer"))
    shown = plain(render_plan(replace(plan, unreadable=both)))
    assert "incomplete: 2 parts of the live registries and of Palette could not be read" in shown


def test_a_registry_whose_certificate_is_not_verified_is_a_danger() -> None:
    assert "certificates are not verified" in render_markdown(a_run(registrations()))
    assert "certificates are not verified" not in render_markdown(a_run(syncs()))


@given(plans, st.sampled_from(Detail))
def test_any_change_of_palette_prints_safely(plan: Plan, detail: Detail) -> None:
    changes = [
        replace(each, type=type_, address=Address.of_registration("a", "b"))
        for each in plan.changes
        for type_ in (ResourceType.REGISTRATION, ResourceType.SYNC)
    ]
    told = replace(plan, changes=tuple(changes))
    assert all(each.text.isprintable() for each in render_plan(told, detail=detail))
    assert render_markdown(a_run(told))
    assert list(render_html(a_run(told)))
