"""The limits that stop a whole apply, measured per live registry and lifted one by one."""

from __future__ import annotations

from collections.abc import Sequence

from regsync.model.plan import Action, Change, Guard, Overrides, Reason, ResourceType
from regsync.model.registry import Prune, RegistrySpec
from regsync.planner.compare import protected

SHARE_COUNTS_FROM = 10
"""Live artifacts from which on the share of deletes is judged: below it one delete is already a large share."""


def guards(
    spec: RegistrySpec, changes: Sequence[Change], *, live: int, desired: int, overrides: Overrides
) -> list[Guard]:
    """Judge the selected `changes` of one live registry that holds `live` artifacts, `desired` of them wanted. Its
    registrations in Palette count as deletes, and not in the share, which is one of artifacts."""
    deletes = [
        change
        for change in changes
        if change.action is Action.DELETE and change.type is ResourceType.ARTIFACT
    ]
    unregistered = sum(
        1
        for change in changes
        if change.action in (Action.DELETE, Action.REPLACE) and change.type is ResourceType.REGISTRATION
    )
    count = len(deletes) + unregistered
    limit = spec.policy.max_deletes if overrides.max_deletes is None else overrides.max_deletes
    found = [
        Guard(
            name="deletes",
            registry=spec.name,
            ok=count <= limit,
            text=f"deletes {count}/{limit}",
            override=f"--max-deletes {count}",
            origin=spec.at("policy.maxDeletes"),
        )
    ]
    if live >= SHARE_COUNTS_FROM:
        cap = (
            spec.policy.max_delete_share if overrides.max_delete_share is None else overrides.max_delete_share
        )
        share = -(-100 * len(deletes) // live)
        found.append(
            Guard(
                name="share",
                registry=spec.name,
                ok=share <= cap,
                text=f"share {share}/{cap} %",
                override=f"--max-delete-share {share}",
                origin=spec.at("policy.maxDeleteShare"),
            )
        )
    if spec.policy.protect:
        lost = [
            str(change.address)
            for change in changes
            if change.type is ResourceType.ARTIFACT  # new settings of a repository lose nothing
            and change.action in (Action.UPDATE, Action.REPLACE, Action.DELETE)
            and protected(spec, change.address)
            and str(change.address) not in overrides.unprotect
        ]
        found.append(
            Guard(
                name="protected",
                registry=spec.name,
                ok=not lost,
                text="protected " + (", ".join(lost) or "none touched"),
                override=" ".join(f"--unprotect {address}" for address in lost) or "--unprotect ADDRESS",
                origin=spec.at("policy.protect"),
            )
        )
    pruned = sum(1 for change in deletes if change.reason is Reason.PRUNE)
    if spec.policy.prune is Prune.MANAGED and not desired:
        found.append(
            Guard(
                name="empty",
                registry=spec.name,
                ok=not pruned or spec.name in overrides.allow_empty,
                text=f"nothing desired, {pruned} to prune",
                override=f"--allow-empty {spec.name}",
                origin=spec.at("content"),
            )
        )
    return found
