from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.model.errors import ProtocolError
from regsync.model.settings import Json
from regsync.palette.wire import body_of, registration_of, settings_of, spec_of, sync_of
from tests.palette.rig import BASIC, KEYS, STS

TEXT = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1).filter(
    lambda text: text.strip("*") != ""
)
TLS = {"certificate": TEXT, "insecureSkipVerify": st.booleans()}
COMMON = {
    "provider": st.sampled_from(["pack", "helm"]),
    "endpoint": TEXT,
    "baseContentPath": TEXT,
    "synchronization": st.booleans(),
    **TLS,
}
BASIC_FORMS = COMMON | {"type": st.just("basic"), "basePath": TEXT}
ECR_FORMS = COMMON | {"type": st.just("ecr"), "private": st.booleans(), "defaultRegion": TEXT}
PARTITION = {"partition": st.sampled_from(["aws", "aws-us-gov", "aws-iso"])}
SETTINGS = st.one_of(
    st.fixed_dictionaries(BASIC_FORMS | {"auth": st.just("none")}),
    st.fixed_dictionaries(BASIC_FORMS | {"auth": st.just("basic"), "username": TEXT}),
    st.fixed_dictionaries(BASIC_FORMS | {"auth": st.just("token")}),
    st.fixed_dictionaries(ECR_FORMS | {"auth": st.just("none")}),
    st.fixed_dictionaries(ECR_FORMS | PARTITION | {"auth": st.just("credentials"), "accessKeyId": TEXT}),
    st.fixed_dictionaries(
        ECR_FORMS | PARTITION | {"auth": st.just("sts"), "roleArn": TEXT, "externalId": TEXT}
    ),
)
SECRETS = st.fixed_dictionaries({"password": TEXT, "token": TEXT, "secretAccessKey": TEXT})
NAMES = st.sampled_from(["auth", "credentials", "sts", "tls", "syncStatus", "annotations"])
NULLABLE = st.recursive(st.none(), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)


@given(SETTINGS, SECRETS)
def test_what_is_sent_reads_back_as_it_was_meant(settings: dict[str, Json], secrets: dict[str, str]) -> None:
    document = {"spec": spec_of(settings, secrets)}
    read = settings_of(str(settings["type"]), document)
    assert {name: read[name] for name in settings} == settings


@given(SETTINGS, SETTINGS, SECRETS)
def test_an_update_leaves_nothing_of_the_old_settings_that_new_ones_speak_of(
    old: dict[str, Json], new: dict[str, Json], secrets: dict[str, str]
) -> None:
    new = {**new, "type": old["type"], "auth": old["auth"]} if old["type"] != new["type"] else new
    live = body_of("r", "platform", old, secrets, {})
    body = body_of("r", "platform", new, secrets, live)
    read = settings_of(str(new["type"]), body)
    shared = {name for name in new if name in read}
    assert {name: read[name] for name in shared} == {name: new[name] for name in shared}
    assert body_of("r", "platform", new, secrets, body) == body


@given(NULLABLE, NULLABLE, NULLABLE, st.sampled_from(["basic", "ecr"]))
def test_anything_may_be_null(spec: Any, status: Any, metadata: Any, type_: str) -> None:
    settings = settings_of(type_, {"spec": spec, "status": status, "metadata": metadata})
    assert settings["endpoint"] == ""
    assert settings["synchronization"] is False


def test_a_registration_of_which_nothing_is_told_is_no_registration() -> None:
    with pytest.raises(ProtocolError, match="nothing of registry r"):
        registration_of("r", "1", "basic", {"metadata": None, "spec": None, "status": None}, is_default=False)


def test_booleans_are_always_told() -> None:
    basic = spec_of({**BASIC, "synchronization": False}, {})
    assert basic["isSyncSupported"] is False
    assert basic["auth"]["tls"] == {"enabled": True, "insecureSkipVerify": False, "certificate": ""}
    assert spec_of({**KEYS, "auth": "none", "private": False}, {})["isPrivate"] is False


def test_the_forms_of_logins() -> None:
    assert spec_of(BASIC, {"password": "pw"})["auth"] | {"tls": None} == {
        "type": "basic",
        "username": "robot",
        "password": "pw",
        "tls": None,
    }
    assert spec_of({**BASIC, "auth": "token"}, {"token": "t"})["auth"]["token"] == "t"
    assert spec_of(KEYS, {"secretAccessKey": "s", "sessionToken": "t"})["credentials"] == {
        "credentialType": "secret",
        "partition": "aws",
        "accessKey": "AKIAEXAMPLE",
        "secretKey": "s",
        "secretToken": "t",
    }
    assert spec_of({**STS, "externalId": "x", "partition": "aws-us-gov"}, {})["credentials"] == {
        "credentialType": "sts",
        "partition": "aws-us-gov",
        "sts": {"arn": STS["roleArn"], "externalId": "x"},
    }
    assert "credentials" not in spec_of({**KEYS, "auth": "none"}, {})


def test_a_user_name_by_reference_is_sent_like_a_secret() -> None:
    settings = {name: value for name, value in BASIC.items() if name != "username"}
    assert spec_of(settings, {"username": "u", "password": "p"})["auth"]["username"] == "u"


def test_a_default_tls_block_equals_none() -> None:
    shown = {"enabled": False, "insecureSkipVerify": False, "certificate": ""}
    without = settings_of("basic", {"spec": {"auth": {"type": "noAuth"}}})
    assert settings_of("basic", {"spec": {"auth": {"type": "noAuth", "tls": shown}}}) == without


def test_a_certificate_without_effect_is_none() -> None:
    shown = {"enabled": False, "insecureSkipVerify": True, "certificate": "PEM"}
    found = settings_of("basic", {"spec": {"auth": {"type": "noAuth", "tls": shown}}})
    assert (found["certificate"], found["insecureSkipVerify"]) == ("", True)


def test_masks_are_neither_read_nor_sent_back() -> None:
    spec = {
        "endpoint": "e",
        "auth": {"type": "basic", "username": "robot", "password": "********", "tls": {"key": "****"}},
    }
    assert "***" not in json.dumps(settings_of("basic", {"spec": spec}))
    body = body_of("r", "platform", BASIC, {"password": "new"}, {"spec": spec})
    assert body["spec"]["auth"]["password"] == "new"
    assert "***" not in json.dumps(body)


def test_empty_credentials_of_a_public_registry_are_none() -> None:
    login = {"credentialType": "secret", "partition": "aws", "accessKey": ""}
    assert settings_of("ecr", {"spec": {"isPrivate": False, "credentials": login}})["auth"] == "none"
    assert settings_of("ecr", {"spec": {"isPrivate": True, "credentials": login}})["auth"] == "credentials"


def test_whether_it_synchronizes_is_told_by_the_status() -> None:
    document = {"spec": {"isSyncSupported": True}, "status": {"syncStatus": {"isSyncSupported": False}}}
    assert settings_of("basic", document)["synchronization"] is False
    assert settings_of("basic", {"spec": {"isSyncSupported": True}})["synchronization"] is True


def test_an_update_keeps_what_nobody_spoke_of() -> None:
    live = {
        "kind": "oci",
        "metadata": {
            "name": "r",
            "uid": "1",
            "labels": None,
            "annotations": {"theirs": "kept", "regsync.secret.password": "4"},
        },
        "spec": {
            "endpoint": "old",
            "futureField": {"deep": [1]},
            "containsSpectroManifest": True,
            "auth": {"type": "token", "token": "********", "tls": {"certificate": "PEM", "ca": "CA"}},
        },
        "status": {"syncStatus": None},
    }
    body = body_of("r", "platform", {**BASIC, "password.version": 5}, {"password": "p"}, live)
    assert body == {
        "kind": "oci",
        "metadata": {
            "name": "r",
            "uid": "1",
            "annotations": {
                "theirs": "kept",
                "regsync.owner": "platform",
                "regsync.secret.password": "5",
            },
        },
        "spec": {
            "endpoint": "https://harbor.example.com",
            "basePath": "",
            "baseContentPath": "team",
            "providerType": "pack",
            "isSyncSupported": True,
            "futureField": {"deep": [1]},
            "containsSpectroManifest": True,
            "auth": {
                "type": "basic",
                "username": "robot",
                "password": "p",
                "tls": {"enabled": True, "insecureSkipVerify": False, "certificate": "PEM", "ca": "CA"},
            },
        },
    }


def test_versions_of_secrets_are_read_from_annotations() -> None:
    marks = {"regsync.secret.password": "3", "regsync.secret.token": "soon"}
    settings = settings_of("basic", {"metadata": {"annotations": marks}})
    assert (settings["password.version"], settings["token.version"]) == (3, 1)
    assert settings["secretAccessKey.version"] == 1


def test_times_that_have_not_come_are_none() -> None:
    never = "0001-01-01T00:00:00.000Z"
    sync = sync_of({"status": "", "lastRunTime": never, "lastSyncedTime": None})
    assert sync is not None
    assert (sync.last_run, sync.last_synced, sync.succeeded, sync.running) == (None, None, False, False)
    assert sync_of({}) is None
