"""What a registry's own replication brings on: waited for, and repositories that come with it put right. Writes settings
only; content it never moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from regsync.model.errors import RegistryError
from regsync.model.plan import Action, Change, Copy, Overrides
from regsync.model.state import DesiredRepository, Observed
from regsync.planner.repositories import compare_repository
from regsync.registries.base import Registry, Wanted


@dataclass(frozen=True, slots=True)
class Patience:
    """How long replication is waited for, in seconds: between two looks, longer each time, and in all for all of a run.

    It mostly takes less than half an hour (Amazon ECR, "private image replication").
    """

    shortest: float = 1.0
    longest: float = 30.0
    whole: float = 1800.0


PATIENCE = Patience()


def arrives(
    copy: Copy, region: str, source: Registry, stopped: threading.Event, patience: Patience, since: float
) -> bool:
    """Look again and again until what `copy` names has come to `region`; False where `stopped` was set before.

    Raises RegistryError where replication has failed or takes too long; `since` is when waiting began, by the monotonic
    clock, for whatever comes by replication.
    """
    pause = patience.shortest
    while not source.is_replicated(copy, region):
        waited = time.monotonic() - since
        if waited >= patience.whole:
            raise RegistryError(
                f"it has not been replicated to {region} after {waited / 60:.0f} minutes",
                hint="replication may still be going on by itself: plan again later, and look at the replication "
                f"rules of the registry in {source.spec.region}",
            )
        if stopped.wait(pause):
            return False
        pause = min(2 * pause, patience.longest)
    return True


def settle(
    desired: DesiredRepository, registry: Registry, overrides: Overrides, sent: Callable[[int], None]
) -> Change:
    """Write the settings of a repository that replication has created. Returns the change that was made, or that is
    blocked. Raises RegistryError where there is no such repository."""
    reads = registry.reads(Wanted(owners=(desired.address.path,)))
    observed = Observed.merged(read().observed for read in reads)
    live = observed.repositories.get(desired.address)
    if live is None:
        reasons = [each.reason for each in observed.unreadable] or ["replication has not created it"]
        raise RegistryError(reasons[0], hint="plan again later")
    change = compare_repository(registry.spec, desired, live, overrides)
    if change.action is Action.UPDATE:
        registry.execute(change, None, sent)
    return change
