"""ECR Public: its API as botocore's Stubber answers it, its `/v2` as a scripted server does."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from regsync.model.errors import AuthenticationFailed, Conflict, RegistryError
from regsync.model.plan import Action, Cause, Change, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, AwsPlace, RegistrySpec, RegistryType, Repositories
from regsync.model.settings import Json
from regsync.model.state import UnreadableScope
from regsync.registries.base import Wanted
from regsync.registries.ecr.public import AnonymousRegistry, open_registry
from regsync.registries.ecr.registry import EcrRegistry
from regsync.registries.ecr.settings import marks
from regsync.registries.image import pack_manifest
from tests.registries.elastic import surroundings
from tests.registries.vendor import NAME, OWNER, a_spec, create, ignore, pack, run, wanting
from tests.support.scripted import Answer, ScriptedServer

ACCOUNT, ALIAS = "123456789012", "a1b2c3d4"
HELLO = "team/spectro-packs/archive/hello"
PACK = pack_manifest(pack())
JSON = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
CHALLENGE = 'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"'
Put = dict[str, tuple[str, bytes]]


@dataclass
class Gallery:
    """The `/v2` of public.ecr.aws: manifests by path, tags by repository, and who asked for tokens."""

    manifests: Put = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        path = path.partition("?")[0]
        if path == "/token/":
            self.logins.append(headers["Authorization"] or "")
            return 200, JSON, b'{"token": "a-bearer-token"}'
        if headers["Authorization"] != "Bearer a-bearer-token":
            return 401, {**JSON, "WWW-Authenticate": CHALLENGE}, b"{}"
        if path in self.manifests:
            kind, data = self.manifests[path]
            return 200, {**JSON, "Content-Type": kind}, data
        repository = path.removeprefix("/v2/").removesuffix("/tags/list")
        if repository in self.tags:
            return 200, JSON, json.dumps({"name": repository, "tags": self.tags[repository]}).encode()
        if path == "/v2/":
            return 200, JSON, b"{}"
        return 404, JSON, b'{"errors": [{"code": "NAME_UNKNOWN", "message": "there is none"}]}'


@pytest.fixture
def gallery() -> Gallery:
    return Gallery()


@pytest.fixture
def server(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """Return the server of `gallery`; calls to the API would arrive there too, unless they are stubbed."""
    with ScriptedServer(gallery) as made:
        for name, value in {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "unread"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def spec_of(server: ScriptedServer, **fields: Any) -> RegistrySpec:
    return replace(
        a_spec(RegistryType.ECR_PUBLIC, "https://public.ecr.aws"),
        shown_endpoint=f"public.ecr.aws/{ALIAS}",
        connect_to=server.url,
        namespace=ALIAS,
        region="us-east-1",
        aws=AwsPlace(""),
        **{"auth": Auth(AuthMethod.AWS), **fields},
    )


@pytest.fixture
def registry(server: ScriptedServer, tmp_path: Path) -> Iterator[EcrRegistry]:
    """Return a registry that writes, of a manifest that writes tags."""
    made = open_registry(
        spec_of(server, repositories=Repositories(settings={"tags": {"team": "platform"}})),
        surroundings(tmp_path),
    )
    assert isinstance(made, EcrRegistry)
    made.allow_writes()
    yield made
    made.close()


@pytest.fixture
def stubber(registry: EcrRegistry) -> Iterator[Stubber]:
    with Stubber(registry.store.session.client("ecr-public")) as made:
        yield made
        made.assert_no_pending_responses()


def stub_alias(stubber: Stubber, *aliases: str) -> None:
    """Answer whose registry the login's own is."""
    known = [
        {"name": each, "status": "ACTIVE", "primaryRegistryAlias": False, "defaultRegistryAlias": True}
        for each in aliases
    ]
    registry = {
        "registryId": ACCOUNT,
        "registryArn": f"arn:aws:ecr-public::{ACCOUNT}:registry/{ACCOUNT}",
        "registryUri": "",
        "verified": False,
        "aliases": known,
    }
    stubber.add_response("describe_registries", {"registries": [registry]}, {"maxResults": 1000})


def stub_token(stubber: Stubber, password: str = "secret") -> None:
    token = b64encode(f"AWS:{password}".encode()).decode()
    ends = datetime.now(UTC) + timedelta(hours=12)
    answer = {"authorizationData": {"authorizationToken": token, "expiresAt": ends}}
    stubber.add_response("get_authorization_token", answer, {})


def stub_images(stubber: Stubber, **digests: str) -> None:
    """Answer what images there are, by digest and tag."""
    details = [
        {"imageDigest": digest, "imageTags": [tag.replace("_", ".")]} for tag, digest in digests.items()
    ]
    asked = {"registryId": ACCOUNT, "repositoryName": HELLO, "maxResults": 1000}
    stubber.add_response(
        "describe_images", {"imageDetails": [*details, {"imageDigest": "sha256:untagged"}]}, asked
    )


def at(tag: str | None = None) -> Address:
    return Address(NAME, HELLO, tag)


def change(action: Action, before: dict[str, Json] | None = None) -> Change:
    after: dict[str, Json] = {"tags": {"team": "platform"}}
    return Change(
        at(),
        ResourceType.REPOSITORY,
        action,
        Cause.UNKNOWN,
        Reason.MISSING,
        "test",
        after=after,
        before=before,
    )


def test_tags_come_from_the_api_and_manifests_from_the_registry_once(
    registry: EcrRegistry, stubber: Stubber, server: ScriptedServer, gallery: Gallery, tmp_path: Path
) -> None:
    gallery.manifests[f"/v2/{ALIAS}/{HELLO}/manifests/{PACK.digest}"] = (PACK.media_type, PACK.data)
    stub_alias(stubber, "other", ALIAS)
    stub_images(stubber, **{"1_0_0": PACK.digest})
    stub_token(stubber)
    observed = run(registry.reads(Wanted(tags={HELLO: ("1.0.0", "2.0.0")})))
    assert observed.artifacts[at("1.0.0")].content == pack().content
    assert observed.absent == {at("2.0.0")}
    assert b64decode(gallery.logins[0].removeprefix("Basic ")).decode() == "AWS:secret"
    asked = len(server.requests)
    again = open_registry(registry.spec, surroundings(tmp_path))
    assert isinstance(again, EcrRegistry)
    with Stubber(again.store.session.client("ecr-public")) as second:
        stub_alias(second, ALIAS)
        stub_images(second, **{"1_0_0": PACK.digest})
        assert run(again.reads(Wanted(tags={HELLO: ("1.0.0", "2.0.0")}))) == observed
    again.close()
    assert len(server.requests) == asked


def test_a_repository_that_there_is_not(registry: EcrRegistry, stubber: Stubber) -> None:
    stub_alias(stubber, ALIAS)
    stubber.add_client_error("describe_images", "RepositoryNotFoundException", "there is none", 400)
    assert run(registry.reads(Wanted(tags={HELLO: ("1.0.0",)}))).absent == {at("1.0.0")}
    stub_token(stubber)  # whoever cannot log in could push nothing into it
    assert run(registry.reads(Wanted(repositories=(HELLO,)))).absent == {at()}


def test_an_alias_of_somebody_else_is_unreadable(registry: EcrRegistry, stubber: Stubber) -> None:
    stub_alias(stubber, "another")
    stub_token(stubber)
    stub_alias(stubber, "another")
    [unreadable] = run(registry.reads(Wanted(tags={HELLO: ("1.0.0",)}))).unreadable
    assert unreadable.scope is UnreadableScope.REGISTRY
    assert unreadable.reason == f"public.ecr.aws/{ALIAS}: the login's own registry has the alias another"
    assert "read it with `method: none`" in (unreadable.hint or "")


def test_a_repository_is_created_with_tags(registry: EcrRegistry, stubber: Stubber) -> None:
    tags = {"team": "platform", **marks(OWNER, {"tags": {"team": "platform"}})}
    asked = {"repositoryName": HELLO, "tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    stubber.add_response("create_repository", {"repository": {"repositoryName": HELLO}}, asked)
    registry.execute(change(Action.CREATE), None, ignore)


def described() -> dict[str, Any]:
    return {"repositories": [{"repositoryName": HELLO, "registryId": ACCOUNT}]}


def test_tags_are_compared_and_corrected(registry: EcrRegistry, stubber: Stubber) -> None:
    arn = f"arn:aws:ecr-public::{ACCOUNT}:repository/{HELLO}"
    live = {"tags": [{"Key": "team", "Value": "nobody"}, {"Key": "other", "Value": "stays"}]}
    stub_alias(stubber, ALIAS)
    for _ in range(2):
        stubber.add_response(
            "describe_repositories", described(), {"registryId": ACCOUNT, "repositoryNames": [HELLO]}
        )
        stubber.add_response("list_tags_for_resource", live, {"resourceArn": arn})
    [found] = run(registry.reads(Wanted(repositories=(HELLO,)))).repositories.values()
    assert found.settings == {"tags": {"team": "nobody", "other": "stays"}}
    tags = {"team": "platform", **marks(OWNER, {"tags": {"team": "platform"}})}
    asked = {"resourceArn": arn, "tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    stubber.add_response("tag_resource", {}, asked)
    registry.execute(change(Action.UPDATE, {"tags": {"team": "nobody"}}), None, ignore)


def test_tags_that_moved_are_left_alone(registry: EcrRegistry, stubber: Stubber) -> None:
    stub_alias(stubber, ALIAS)
    stubber.add_response("describe_repositories", described())
    stubber.add_response("list_tags_for_resource", {"tags": [{"Key": "team", "Value": "somebody"}]})
    with pytest.raises(Conflict, match="its tags changed"):
        registry.execute(change(Action.UPDATE, {"tags": {"team": "nobody"}}), None, ignore)


def test_a_tag_is_deleted_by_the_api(registry: EcrRegistry, stubber: Stubber) -> None:
    stub_alias(stubber, ALIAS)
    asked = {"registryId": ACCOUNT, "repositoryName": HELLO, "imageIds": [{"imageTag": "1.0.0"}]}
    for code in ("ImageNotFound", "ImageReferencedByManifestList"):
        failure = {"imageId": {"imageTag": "1.0.0"}, "failureCode": code, "failureReason": "because"}
        stubber.add_response("batch_delete_image", {"failures": [failure]}, asked)
    registry.store.delete_tag(HELLO, "1.0.0", PACK.digest)
    with pytest.raises(RegistryError, match="was not deleted: ImageReferencedByManifestList: because"):
        registry.store.delete_tag(HELLO, "1.0.0", PACK.digest)


Anonymous = Callable[..., AnonymousRegistry]


@pytest.fixture
def anonymous(server: ScriptedServer, tmp_path: Path) -> Iterator[Anonymous]:
    """Return what opens the registry without a login."""
    opened: list[AnonymousRegistry] = []

    def make(**fields: Any) -> AnonymousRegistry:
        made = open_registry(spec_of(server, auth=Auth(AuthMethod.NONE), **fields), surroundings(tmp_path))
        assert isinstance(made, AnonymousRegistry)
        opened.append(made)
        return made

    yield make
    for each in opened:
        each.close()


def test_anyone_reads_without_a_call_to_the_api(
    anonymous: Anonymous, server: ScriptedServer, gallery: Gallery
) -> None:
    gallery.manifests[f"/v2/{ALIAS}/{HELLO}/manifests/1.0.0"] = (PACK.media_type, PACK.data)
    gallery.tags[f"{ALIAS}/{HELLO}"] = ["1.0.0"]
    wanted = Wanted(tags={HELLO: ("1.0.0",)}, repositories=(HELLO, "team/none"))
    observed = run(anonymous().reads(wanted))
    assert observed.artifacts[at("1.0.0")].content == pack().content
    assert observed.repositories.keys() == {at()}
    assert observed.absent == {Address(NAME, "team/none")}
    assert set(gallery.logins) == {""}
    assert {each.path.split("/")[1] for each in server.requests} == {"v2", "token"}


def test_nobody_writes_without_a_login(anonymous: Anonymous) -> None:
    registry = anonymous()
    registry.allow_writes()
    for each in (change(Action.CREATE), wanting(create(at("1.0.0")), pack())):
        with pytest.raises(AuthenticationFailed, match="nothing can be written with `method: none`"):
            registry.execute(each, pack(), ignore)


def test_settings_need_a_login(anonymous: Anonymous, gallery: Gallery) -> None:
    gallery.tags[f"{ALIAS}/{HELLO}"] = []
    registry = anonymous(repositories=Repositories(settings={"tags": {"team": "platform"}}))
    [unreadable] = run(registry.reads(Wanted(repositories=(HELLO,)))).unreadable
    assert unreadable.reason == f"the settings of {HELLO} cannot be read without a login"
