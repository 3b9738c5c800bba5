"""Amazon ECR Public: repositories under an alias of public.ecr.aws, which anyone may read."""

from __future__ import annotations

from collections.abc import Callable

from regsync.model.errors import AuthenticationFailed, PermissionDenied
from regsync.model.plan import Change
from regsync.model.reference import Address
from regsync.model.registry import AuthMethod, RegistrySpec
from regsync.model.state import LiveRepository, Observed
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Copied, Payload, Reading, Registry, Shared, Surroundings
from regsync.registries.distribution import DistributionStore
from regsync.registries.ecr.registry import EcrRegistry
from regsync.registries.ecr.store import EcrStore
from regsync.transport.client import Transport


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open the registry at `spec.endpoint`, read-only. Reaches nothing yet; writing has to be allowed, and without a
    login it cannot be."""
    if spec.auth.method is not AuthMethod.NONE:
        return EcrRegistry(spec, PublicStore(spec, surroundings), surroundings)
    transport = Transport(
        spec,
        environment=surroundings.environment,
        parallelism=surroundings.parallelism,
        read_only=True,
        log=surroundings.trace,
    )
    return AnonymousRegistry(spec, DistributionStore(transport, spec.namespace), surroundings.indexes)


class PublicStore(EcrStore):
    """Blobs, OCI manifests and repositories of the login's own public registry. OCI manifests come one by one."""

    def __init__(self, spec: RegistrySpec, surroundings: Surroundings) -> None:
        super().__init__(spec, surroundings)
        self._once = Shared()

    def registry_id(self) -> str:
        """The account whose alias stands in the endpoint. The API knows the login's own registry only, so an alias that
        is none of its own raises PermissionDenied."""
        return self._once.get("registry", self._find_registry)

    def check(self) -> None:
        super().check()
        self.registry_id()

    def _find_registry(self) -> str:
        aliases = set()
        for registry in self.session.pages("DescribeRegistries", "registries"):
            own = {each["name"] for each in registry.get("aliases", ())}
            if self.spec.namespace in own:
                return str(registry["registryId"])
            aliases |= own
        raise PermissionDenied(
            f"{self.spec.shown_endpoint}: the login's own registry has "
            f"{'the alias ' + ' and '.join(sorted(aliases)) if aliases else 'no alias'}",
            hint=f"log in to the account of {self.spec.namespace}, or read it with `method: none` "
            f"({self.spec.at('auth')})",
        )


class AnonymousRegistry(StoreRegistry):
    """Someone's public registry, read without any call to AWS's API: what `/v2` tells to anyone."""

    def _read_base(self, path: str) -> Reading:
        """A repository is there if its tags can be listed, were it none at all."""

        def look() -> Observed:
            if self.spec.repositories.settings:
                raise AuthenticationFailed(
                    f"the settings of {path} cannot be read without a login",
                    hint=f"log in, or take them out of spec.repositories ({self.spec.at('repositories')})",
                )
            self.store.tags(path)
            address = Address(self.spec.name, path)
            return Observed(repositories={address: LiveRepository(address)})

        return Reading(self._observe(path, None, look))

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        """Refuse: nobody writes without a login."""
        raise AuthenticationFailed(
            f"{change.address}: nothing can be written with `method: none`",
            hint=f"name a login in spec.auth ({self.spec.at('auth')})",
        )
