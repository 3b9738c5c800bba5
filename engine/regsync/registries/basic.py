"""Any registry of the OCI distribution-spec, without an API of its own. Knows only what it is made of."""

from __future__ import annotations

from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Registry, Surroundings
from regsync.registries.distribution import DistributionStore
from regsync.transport.client import Transport


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open the registry at `spec.endpoint`, read-only. Reaches nothing yet; writing has to be allowed."""
    transport = Transport(
        spec,
        environment=surroundings.environment,
        parallelism=surroundings.parallelism,
        read_only=True,
        log=surroundings.trace,
    )
    return StoreRegistry(spec, DistributionStore(transport), surroundings.indexes)
