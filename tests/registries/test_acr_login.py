"""How regsync logs in to a registry of Azure, and what it says where it cannot."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.model.errors import AuthenticationFailed, PermissionDenied, RegistryError
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod
from regsync.registries.acr import entra
from regsync.registries.acr.entra import EntraLogins, cloud_of, lifetime
from regsync.registries.base import Wanted
from tests.registries.azure import ENVIRONMENT, azure, basic, opened, pusher, spec_of, surroundings
from tests.registries.vendor import NAME, create, delete, ignore, pack, run, wanting
from tests.support.acr import ADMIN, HOST, NO_USER, READ, TOKEN, AcrFront
from tests.support.entra import AUDIENCE, PUSHER, READER, SECRET, TENANT
from tests.support.proxy import Respond
from tests.support.servers import PASSWORD

DOCKER = Auth()


def logs_in(acr: AcrFront, tmp_path: Path, auth: Auth, environment: Mapping[str, str] = ENVIRONMENT) -> None:
    with opened(spec_of(acr, auth), surroundings(tmp_path, environment)) as registry:
        registry.check()


def refusal(
    acr: AcrFront, tmp_path: Path, auth: Auth, environment: Mapping[str, str] = ENVIRONMENT
) -> RegistryError:
    """What a greeting fails with."""
    with pytest.raises(RegistryError) as caught:
        logs_in(acr, tmp_path, auth, environment)
    return caught.value


def docker_login(folder: Path, **entry: str) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps({"auths": {HOST: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def kept_as_a_password(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.mark.parametrize("user", [TOKEN, ADMIN])
def test_a_user_of_the_registry_logs_in(acr: AcrFront, tmp_path: Path, user: str) -> None:
    acr.passwords[user] = PASSWORD
    logs_in(acr, tmp_path, basic(user))
    assert acr.entra.asked == []


def test_an_admin_user_that_is_refused_may_be_disabled(acr: AcrFront, tmp_path: Path) -> None:
    error = refusal(acr, tmp_path, basic(ADMIN))
    assert isinstance(error, AuthenticationFailed)
    assert "the login from env:REGISTRY_PASSWORD was refused" in error.message
    assert error.hint == (
        "check the password (registry.yaml:7:9); the admin user is disabled unless somebody enabled it: "
        "az acr update --name team --admin-enabled true"
    )


def test_another_user_that_is_refused_may_have_expired(acr: AcrFront, tmp_path: Path) -> None:
    error = refusal(acr, tmp_path, basic("00001111-aaaa-2222-bbbb-3333cccc4444"))
    assert isinstance(error, AuthenticationFailed)
    assert error.hint is not None
    assert "a service principal needs a role on the registry, a token must be enabled" in error.hint


def test_a_client_secret_is_traded_for_a_login(acr: AcrFront, tmp_path: Path) -> None:
    logs_in(acr, tmp_path, azure(), pusher(acr))
    assert acr.entra.asked == [
        (
            f"/{TENANT}/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": PUSHER,
                "scope": f"{AUDIENCE}/.default",
                "client_secret": SECRET,
            },
        )
    ]
    assert acr.asked("/oauth2/") == ["POST /oauth2/exchange", "POST /oauth2/token"]


def test_workload_identity_sends_the_token_as_it_is_in_its_file(acr: AcrFront, tmp_path: Path) -> None:
    file = tmp_path / "azure-identity-token"
    environment = {**pusher(acr), "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    del environment["AZURE_CLIENT_SECRET"]
    acr.entra.proofs[PUSHER] = "federated-2"
    for token in ("federated-1", "federated-2"):
        file.write_text(f"{token}\n")
        with opened(spec_of(acr, azure()), surroundings(tmp_path, environment)) as registry:
            if token == "federated-1":
                with pytest.raises(AuthenticationFailed, match="AZURE_FEDERATED_TOKEN_FILE"):
                    registry.check()
            else:
                registry.check()


def test_a_manifest_says_whose_identity_is_meant(acr: AcrFront, tmp_path: Path) -> None:
    acr.entra.proofs[READER] = SECRET
    environment = {**pusher(acr), "AZURE_TENANT_ID": "other.example.com"}
    logs_in(acr, tmp_path, azure(TENANT, READER), environment)
    assert set(acr.refresh_tokens.values()) == {READER}


@pytest.mark.parametrize("kept", ["identity token", "password"])
def test_what_az_acr_login_left_in_dockers_configuration_is_used(
    acr: AcrFront, tmp_path: Path, kept: str
) -> None:
    token = acr.refresh_token(READER)
    entry = {"auth": kept_as_a_password(NO_USER, token)}
    if kept == "identity token":
        entry = {"auth": kept_as_a_password(NO_USER, ""), "identitytoken": token}
    for auth in (azure(), DOCKER):
        logs_in(acr, tmp_path, auth, docker_login(tmp_path, **entry))
    assert acr.entra.asked == []
    assert "POST /oauth2/exchange" not in acr.asked()


def test_whose_login_docker_has_is_unknown_so_it_is_not_used_for_another(
    acr: AcrFront, tmp_path: Path
) -> None:
    acr.entra.machine = PUSHER
    environment = {
        **docker_login(tmp_path, identitytoken=acr.refresh_token(READER)),
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": acr.entra.url,
    }
    logs_in(acr, tmp_path, azure(client_id=PUSHER), environment)
    assert PUSHER in acr.refresh_tokens.values()


def test_an_identity_token_that_has_ended_is_to_be_had_anew(acr: AcrFront, tmp_path: Path) -> None:
    environment = docker_login(tmp_path, identitytoken="of-this-morning")
    for auth in (azure(), DOCKER):
        error = refusal(acr, tmp_path, auth, environment)
        assert isinstance(error, AuthenticationFailed)
        assert "config.json (auths) was refused" in error.message
        assert error.hint is not None
        assert "az acr login --name team" in error.hint


def test_a_machine_logs_in_with_its_managed_identity(acr: AcrFront, tmp_path: Path) -> None:
    acr.entra.machine = PUSHER
    environment = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": acr.entra.url, "HTTPS_PROXY": "http://127.0.0.1:1"}
    logs_in(acr, tmp_path, azure(), environment)
    [(path, query)] = acr.entra.asked
    assert path == "/metadata/identity/oauth2/token"
    assert query == {"api-version": "2018-02-01", "resource": AUDIENCE}


def test_where_there_is_no_identity_all_that_was_tried_is_named(acr: AcrFront, tmp_path: Path) -> None:
    environment = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": acr.entra.url}
    error = refusal(acr, tmp_path, azure(), environment)
    assert isinstance(error, AuthenticationFailed)
    for tried in (
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "docker's configuration",
        "Identity not found",
    ):
        assert tried in error.message
    assert error.message.startswith("registry.yaml:7:9: `method: azure` finds no Entra identity here")
    assert len(acr.entra.asked) == 1


@pytest.mark.parametrize(
    ("missing", "field"), [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "clientId")]
)
def test_half_an_application_is_an_error(acr: AcrFront, tmp_path: Path, missing: str, field: str) -> None:
    environment = pusher(acr)
    del environment[missing]
    error = refusal(acr, tmp_path, azure(), environment)
    assert f"AZURE_CLIENT_SECRET is set, but {missing} is not" in error.message
    assert error.hint is not None
    assert f"write `{field}` into spec.auth" in error.hint
    assert acr.entra.asked == []


def test_a_secret_that_entra_does_not_take(acr: AcrFront, tmp_path: Path) -> None:
    environment = {**pusher(acr), "AZURE_CLIENT_SECRET": "of-last-year"}
    error = refusal(acr, tmp_path, azure(), environment)
    assert isinstance(error, AuthenticationFailed)
    assert "401 invalid_client: AADSTS7000215: Invalid client secret" in error.message
    assert f"Entra does not let the application {PUSHER} (AZURE_CLIENT_SECRET) in" in error.message
    assert error.hint == "check tenant, client id and AZURE_CLIENT_SECRET (see spec.auth, registry.yaml:7:9)"
    assert "of-last-year" not in f"{error.message} {error.hint}"


def test_an_identity_without_a_role_on_the_registry(acr: AcrFront, tmp_path: Path) -> None:
    del acr.rights[PUSHER]
    error = refusal(acr, tmp_path, azure(), pusher(acr))
    assert isinstance(error, AuthenticationFailed)
    assert f"the registry does not know the application {PUSHER} (AZURE_CLIENT_SECRET)" in error.message
    assert error.hint is not None
    assert "give it a role on the registry team (AcrPull to plan, AcrPush to apply)" in error.hint


def test_credentials_go_to_entra_only_where_that_is_allowed(acr: AcrFront, tmp_path: Path) -> None:
    port = acr.url.rpartition(":")[2]
    allowed = f"{HOST}, 127.0.0.1:{port}"
    environment = {**pusher(acr), "REGSYNC_ALLOW_HOSTS": allowed}
    error = refusal(acr, tmp_path, azure(), environment)
    assert isinstance(error, AuthenticationFailed)
    assert f"no credentials are sent to {acr.entra.url}: REGSYNC_ALLOW_HOSTS" in error.message
    assert acr.entra.asked == []
    environment["REGSYNC_ALLOW_HOSTS"] = f"{allowed} {acr.entra.url.removeprefix('https://')}"
    logs_in(acr, tmp_path, azure(), environment)


@pytest.mark.parametrize("host", ["http://login.example.com", "ftp://login.example.com"])
def test_entra_is_asked_over_tls_only(acr: AcrFront, tmp_path: Path, host: str) -> None:
    error = refusal(acr, tmp_path, azure(), {**pusher(acr), "AZURE_AUTHORITY_HOST": host})
    assert isinstance(error, AuthenticationFailed)
    assert "AZURE_AUTHORITY_HOST" in error.message
    assert SECRET not in error.message


def test_a_firewall_is_told_as_what_it_may_be(acr: AcrFront, tmp_path: Path) -> None:
    body = b'{"errors":[{"code":"DENIED","message":"client with IP \'192.0.2.7\' is not allowed access."}]}'
    acr.on("GET", "^/v2/$", Respond(403, {"Content-Type": "application/json"}, body), times=9)
    error = refusal(acr, tmp_path, basic())
    assert isinstance(error, PermissionDenied)
    assert error.hint is not None
    assert "az acr show --name team --query networkRuleSet" in error.hint


def test_a_login_that_may_not_push_is_told_from_one_that_is_wrong(
    acr: AcrFront, tmp_path: Path, unique_path: str
) -> None:
    acr.rights[TOKEN] = READ
    change = create(Address(NAME, f"{unique_path}/hello", "1.0.0"))
    with opened(spec_of(acr), surroundings(tmp_path), writing=True) as registry:
        registry.check()
        with pytest.raises(PermissionDenied, match="401 UNAUTHORIZED") as raised:
            registry.execute(wanting(change, pack()), pack(), ignore)
    assert raised.value.hint == (
        "the login needs the role AcrPush on the registry; a token needs content/write in its scope map"
    )


def test_a_login_that_may_not_delete_is_told_which_role_it_lacks(
    acr: AcrFront, tmp_path: Path, unique_path: str
) -> None:
    address = Address(NAME, f"{unique_path}/hello", "1.0.0")
    with opened(spec_of(acr), surroundings(tmp_path), writing=True) as registry:
        registry.execute(wanting(create(address), pack()), pack(), ignore)
        observed = run(registry.reads(Wanted(tags={address.path: ("1.0.0",)})))
        acr.rights[TOKEN] = READ
        with pytest.raises(PermissionDenied) as raised:
            registry.execute(delete(observed.artifacts[address]), None, ignore)
    assert raised.value.hint is not None
    assert "the role AcrDelete" in raised.value.hint


def test_a_login_is_renewed_before_it_ends(acr: AcrFront) -> None:
    now = [1000.0]
    traded: list[str] = []

    def trade(url: str, form: Mapping[str, str] | None = None, **_: object) -> dict[str, str]:
        traded.append(url)
        return {"access_token": "entra", "refresh_token": f"{acr.refresh_token(PUSHER)}"}

    logins = EntraLogins(spec_of(acr, azure()), pusher(acr), trade, lambda: now[0])
    first = logins.current()
    now[0] += acr.lifetime - entra.MARGIN - 1
    assert logins.current() == first
    now[0] += 2
    second = logins.current()
    assert second != first
    assert logins.renewed(first) == second
    assert logins.renewed(second) not in (first, second)
    assert len(traded) == 6


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.e30.c", "a.bnVsbA.c"])
def test_a_token_whose_end_cannot_be_read_is_kept_for_half_an_hour(token: str) -> None:
    assert lifetime(token) == entra.UNKNOWN_LIFETIME


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("team.azurecr.io", "login.microsoftonline.com containerregistry.azure.net blob.core.windows.net"),
        (
            "team.azurecr.us",
            "login.microsoftonline.us containerregistry.azure.us blob.core.usgovcloudapi.net",
        ),
        ("team.azurecr.cn", "login.chinacloudapi.cn containerregistry.azure.cn blob.core.chinacloudapi.cn"),
        ("packs.example.com", "login.microsoftonline.com containerregistry.azure.net blob.core.windows.net"),
    ],
)
def test_each_cloud_has_an_entra_of_its_own(host: str, cloud: str) -> None:
    found = cloud_of(host)
    authority, audience, storage = cloud.split()
    assert (found.authority, found.audience) == (f"https://{authority}", f"https://{audience}")
    assert found.storage == storage


def test_a_login_binds_an_approval_and_names_no_secret() -> None:
    assert str(azure(TENANT, PUSHER)) == f"azure tenant={TENANT} clientId={PUSHER}"
    assert str(azure()) == "azure"
    assert str(replace(basic(), method=AuthMethod.BASIC)) == f"basic {TOKEN} env:REGISTRY_PASSWORD"
