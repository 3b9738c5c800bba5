"""What both kinds of ECR have in common beneath a registry: blobs and OCI manifests over `/v2`, the rest by the API.

Knows operations, parameters and codes; knows no packs and nothing of what is desired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, ClassVar

from regsync.model.errors import Conflict, NotFound, PermissionDenied, RegistryError
from regsync.model.registry import RegistrySpec
from regsync.model.settings import Json
from regsync.registries.base import RawManifest, Surroundings
from regsync.registries.distribution import DistributionStore
from regsync.registries.ecr import settings as forms
from regsync.registries.ecr.actions import actions_of, repository_arn, repository_of, service_of
from regsync.registries.ecr.failures import NO_POLICY, denial, grant
from regsync.registries.ecr.pace import Pace
from regsync.registries.ecr.session import AwsSession, session_of
from regsync.registries.ecr.tokens import TokenLogins
from regsync.transport.client import Transport
from regsync.transport.messages import Response

BATCH = 100
"""The most images or repositories that one call names."""


class EcrStore(DistributionStore):
    """One registry of ECR. Owns its transport, but not the session, which others use too.

    Settings of repositories have the manifest's form here (`regsync.model.settings`).
    """

    _only_tagged: ClassVar[Mapping[str, str] | None] = None
    """What keeps images without a tag out of a list, where the API can do that."""

    def __init__(self, spec: RegistrySpec, surroundings: Surroundings) -> None:
        assert spec.aws is not None  # every registry of these types has one
        self.spec = spec
        self._place = spec.aws
        self.session = session_of(spec, surroundings)
        session = self.session
        self._logins = surroundings.shared.get((TokenLogins, session), lambda: TokenLogins(session))
        super().__init__(_AdvisedTransport(spec, surroundings, session, self._logins), spec.namespace)

    @property
    def read_only(self) -> bool:
        """Whether writing raises, by `/v2` and by the API. A run writes or does not: the session has one answer."""
        return self._http.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._http.read_only = self.session.read_only = value

    @property
    def requests(self) -> int:
        """Requests to `/v2` and to the API; those of a shared session count for the registry that it was opened for."""
        calls = self.session.requests if self.session.spec is self.spec else 0
        return self._http.requests + calls

    def log_in(self) -> None:
        """Make sure that there is a login to `/v2`."""
        self._logins.current()

    def registry_id(self) -> str:
        """The account whose registry this is."""
        return self._place.account

    def tagged(self, repository: str) -> dict[str, str]:
        """The digest behind every tag. Raises NotFound where there is no such repository."""
        images = self.session.pages(
            "DescribeImages", "imageDetails", filter=self._only_tagged, **self._named(repository)
        )
        return {tag: each["imageDigest"] for each in images for tag in each.get("imageTags", ())}

    def tags(self, repository: str) -> tuple[str, ...]:
        return tuple(sorted(self.tagged(repository)))

    def manifests(self, repository: str, digests: Sequence[str]) -> Iterable[RawManifest]:
        """Those OCI manifests that come many at once; their digests are checked."""
        return ()

    def repositories(self, prefix: str) -> tuple[str, ...]:
        every = self.session.pages("DescribeRepositories", "repositories", registryId=self.registry_id())
        names = (str(each["repositoryName"]) for each in every)
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def described(self, repositories: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What the API tells of up to BATCH repositories. Raises NotFound where it does not know one of them."""
        found = self.session.told(
            "DescribeRepositories",
            "repositories",
            registryId=self.registry_id(),
            repositoryNames=[*repositories],
        )
        return {each["repositoryName"]: each for each in found}

    def settings(
        self, repository: str, description: Mapping[str, Any], names: Collection[str]
    ) -> dict[str, Json]:
        """The settings in a description, and those of `names` that have a call of their own; None for a policy that there
        is not."""
        found = forms.described(description)
        for name, (operation, field) in forms.POLICIES.items():
            if name in names:
                found[name] = self._policy(repository, operation, field)
        if "tags" in names:
            found["tags"] = {**self.resource_tags(repository)}
        return found

    def _policy(self, repository: str, operation: str, field: str) -> Json:
        try:
            return forms.document(self.session.told(operation, field, **self._named(repository)))
        except NotFound as error:
            if error.code not in NO_POLICY:
                raise
            return None

    def resource_tags(self, repository: str) -> dict[str, str]:
        """The tags of a repository, in the sense of AWS."""
        arn = repository_arn(self.spec, repository, self.registry_id())
        found = self.session.told("ListTagsForResource", "tags", resourceArn=arn)
        return {each["Key"]: each["Value"] for each in found}

    def create(self, repository: str, settings: Mapping[str, Json], tags: Mapping[str, str]) -> None:
        """Create a repository with the settings that can be given then, and these tags."""
        self.session.told(
            "CreateRepository",
            "repository",
            registryId=self._place.account or None,  # ECR Public creates in the login's own registry only
            repositoryName=repository,
            tags=forms.as_pairs(tags),
            **forms.creation(settings),
        )

    def correct(self, repository: str, correction: forms.Correction) -> None:
        """Change some settings of a repository."""
        self.session.call(correction.operation, **self._named(repository), **correction.parameters)

    def tag(self, repository: str, tags: Mapping[str, str]) -> None:
        """Set tags of a repository; others stay."""
        arn = repository_arn(self.spec, repository, self.registry_id())
        self.session.call("TagResource", resourceArn=arn, tags=forms.as_pairs(tags))

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        try:
            super().put_manifest(repository, reference, manifest)
        except RegistryError as error:
            if error.code != "TAG_INVALID":
                raise
            # Also said where the tag points to this very digest: who asked for it looks what is there.
            raise Conflict(
                f"{error.message}: it was pushed since the plan was made, and its repository never moves it",
                hint="plan again to see what was pushed meanwhile; a changed pack needs a new version",
                code=error.code,
                status=error.status,
            ) from error

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        """Remove one tag; ECR removes the image with its last one. A tag that is gone is fine."""
        failures = self.session.told(
            "BatchDeleteImage", "failures", imageIds=[{"imageTag": tag}], **self._named(repository)
        )
        for failure in failures:
            if failure["failureCode"] != "ImageNotFound":
                raise RegistryError(
                    f"{repository}:{tag} was not deleted: {failure['failureCode']}: {failure['failureReason']}",
                    code=failure["failureCode"],
                )

    def close(self) -> None:
        super().close()
        self.session.close()

    def _named(self, repository: str) -> dict[str, str]:
        return {"registryId": self.registry_id(), "repositoryName": repository}


class _AdvisedTransport(Transport):
    """Logs in with tokens of the API, keeps to the quotas, and says of each refusal what grants it."""

    def __init__(
        self, spec: RegistrySpec, surroundings: Surroundings, session: AwsSession, logins: TokenLogins
    ) -> None:
        self._spec = spec
        self._aws = session
        shared, service = surroundings.shared, service_of(spec)
        super().__init__(
            spec,
            environment=surroundings.environment,
            parallelism=surroundings.parallelism,
            read_only=True,
            logins=logins,
            pace=shared.get((Pace, service, spec.aws, spec.region), lambda: Pace(service)),
            log=surroundings.trace,
        )

    def request(self, method: str, path: str, **options: Any) -> Response:
        try:
            return super().request(method, path, **options)
        except PermissionDenied as error:
            raise self._advised(error, method, path) from None

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[BinaryIO]:
        with ExitStack() as opened:
            try:
                stream = opened.enter_context(super().stream(path, **options))
            except PermissionDenied as error:
                raise self._advised(error, "GET", path) from None
            yield stream

    def _advised(self, error: PermissionDenied, method: str, path: str) -> PermissionDenied:
        spec, session = self._spec, self._aws
        actions = actions_of(service_of(spec), method, path)
        # The answer to a HEAD has no code; any other without one is not from ECR but from where it redirected to.
        if not actions or (error.code != "DENIED" and method != "HEAD"):
            return error
        account = session.account()
        repository = repository_of(path).removeprefix(f"{spec.namespace}/")
        hint = grant(actions, repository_arn(spec, repository, account), error.message, spec, account)
        message = denial(
            actions, error.message if error.code else f"{method} was answered with {error.status}"
        )
        return PermissionDenied(message, hint=hint, code=error.code, status=error.status)
