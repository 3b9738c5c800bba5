"""Amazon ECR: the private registry of an account in a region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from regsync.model.errors import RegistryError, Unsupported
from regsync.model.plan import Copy
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import RegistrySpec
from regsync.registries.base import RawManifest, Registry, Surroundings
from regsync.registries.ecr.registry import EcrRegistry
from regsync.registries.ecr.store import BATCH, EcrStore

_ACCEPTED = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
_ALL = {"filter": "", "filterType": "PREFIX_MATCH"}
"""What a rule without filters amounts to."""


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open the registry at `spec.endpoint`, read-only. Reaches nothing yet; writing has to be allowed."""
    return PrivateRegistry(spec, PrivateStore(spec, surroundings), surroundings)


class PrivateStore(EcrStore):
    """Blobs, OCI manifests and repositories of a private registry."""

    _only_tagged: ClassVar[Mapping[str, str] | None] = {"tagStatus": "TAGGED"}

    def manifests(self, repository: str, digests: Sequence[str]) -> Iterable[RawManifest]:
        for start in range(0, len(digests), BATCH):
            images = self.session.told(
                "BatchGetImage",
                "images",
                imageIds=[{"imageDigest": each} for each in digests[start : start + BATCH]],
                acceptedMediaTypes=_ACCEPTED,
                **self._named(repository),
            )
            for each in images:
                digest, data = each["imageId"]["imageDigest"], each["imageManifest"].encode()
                # Types that are not accepted may come translated; only the very bytes are of use.
                if digest == sha256_digest(data):
                    yield RawManifest(digest, each["imageManifestMediaType"], data)

    def replication(self, repository: str, tag: str, digest: str, region: str) -> tuple[str, str]:
        """How far the replication of an image by its tag to a region of the same account is: IN_PROGRESS, COMPLETE, FAILED
        (with ECR's code for the reason) or nothing. Without the digest it may be that of what the tag was before."""
        statuses = self.session.told(
            "DescribeImageReplicationStatus",
            "replicationStatuses",
            imageId={"imageTag": tag, "imageDigest": digest},
            **self._named(repository),
        )
        for each in statuses:
            if (each["region"], each["registryId"]) == (region, self.registry_id()):
                return each["status"], each.get("failureCode", "")
        return "", ""

    def replicates(self, repository: str, region: str) -> bool:
        """Whether a rule of the registry replicates a repository to a region of the same account."""
        rules = self.session.told("DescribeRegistry", "replicationConfiguration")["rules"]
        wanted = {"region": region, "registryId": self.registry_id()}
        return any(
            wanted in rule["destinations"]
            and any(repository.startswith(each["filter"]) for each in rule.get("repositoryFilters") or [_ALL])
            for rule in rules
        )


class PrivateRegistry(EcrRegistry):
    """A private registry, which may replicate to others."""

    store: PrivateStore

    def __init__(self, spec: RegistrySpec, store: PrivateStore, surroundings: Surroundings) -> None:
        super().__init__(spec, store, surroundings)
        self._replicating: dict[Address, str] = {}
        """What stood under each tag when its replication was first asked for."""

    def is_replicated(self, copy: Copy, region: str) -> bool:
        """Whether ECR's replication has brought an image to a region; see `Registry`."""
        path, tag = copy.address.path, copy.address.tag or ""
        if copy.address not in self._replicating:
            self._replicating[copy.address] = self.store.head_manifest(path, tag)
        status, reason = self.store.replication(path, tag, self._replicating[copy.address], region)
        if status == "FAILED":
            raise RegistryError(f"{copy.address}: its replication to {region} failed: {reason}", code=reason)
        if not status and not self.store.replicates(path, region):
            raise Unsupported(
                f"{copy.address}: no rule replicates it to {region}",
                hint=f"add a rule to the registry in {self.spec.region} (`aws ecr describe-registry` shows those that "
                "there are), or leave out repositories.replicated "
                f"({self.spec.at('repositories.replicated')})",
            )
        return status == "COMPLETE"
