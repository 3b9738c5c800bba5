"""Servers are told apart by what they show of themselves."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from email.message import Message

import pytest

from regsync.model.errors import RegistryError, Unsupported
from regsync.model.state import Limits
from regsync.registries.capabilities import SERVERS, UNKNOWN, server_of
from regsync.registries.distribution import DistributionStore
from regsync.transport.client import Transport
from regsync.transport.messages import Greeting
from tests.registries.stores import JSON, asked, scripted, spec_for, store_at
from tests.support.scripted import Answer, ScriptedServer


@pytest.mark.parametrize(
    ("host", "realm", "name"),
    [
        ("ghcr.io", "https://ghcr.io/token", "GitHub's container registry"),
        ("mirror.example.com", "https://ghcr.io/token", "GitHub's container registry"),
        ("registry-1.docker.io", "https://auth.docker.io/token", "Docker Hub"),
        ("quay.io", "https://quay.io/v2/auth", "Quay"),
        ("quay.example.com", "https://quay.example.com/v2/auth", "Quay"),
        ("registry.example.com", "https://gitlab.example.com/jwt/auth", "GitLab"),
        (
            "europe-west1-docker.pkg.dev",
            "https://europe-west1-docker.pkg.dev/v2/token",
            "Google Artifact Registry",
        ),
        ("harbor.example.com", "https://harbor.example.com/service/token", ""),
        ("packs.jfrog.io", "https://packs.jfrog.io/artifactory/api/docker/packs/v2/token", ""),
        ("nexus.example.com", "", ""),
        ("ghcr.io.example.com", "", ""),
    ],
)
def test_a_server_is_known_by_its_host_or_by_where_its_tokens_come_from(
    host: str, realm: str, name: str
) -> None:
    assert server_of(Greeting(host, realm)).limits.server == name


def test_a_server_that_has_shown_nothing_is_believed_to_do_everything() -> None:
    assert server_of(None) is UNKNOWN
    assert UNKNOWN.limits == Limits()
    assert UNKNOWN.catalogue


def test_every_server_of_the_table_is_there_for_something() -> None:
    for each in SERVERS:
        assert each.limits.server
        assert each.hosts or each.realms
        assert not each.catalogue or each.limits != Limits(each.limits.server)


def test_a_store_knows_the_limits_of_its_server_once_it_was_reached() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path.startswith("/v2/auth"):
            return 200, JSON, b'{"token":"t"}'
        if headers["Authorization"] != "Bearer t":
            return (
                401,
                {**JSON, "WWW-Authenticate": f'Bearer realm="{server.url}/v2/auth",service="q"'},
                b"{}",
            )
        return 200, JSON, b'{"name":"team/pack","tags":[]}'

    with ScriptedServer(script) as server, store_at(server.url) as store:
        assert store.limits() == Limits()
        store.tags("team/pack")
        assert store.limits().server == "Quay"


def test_a_catalogue_that_there_is_not_is_not_asked_for() -> None:
    def welcome(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return 200, JSON, b"{}"

    with ScriptedServer(welcome) as server:
        spec = replace(spec_for("http://ghcr.io"), connect_to=server.url)
        store = DistributionStore(Transport(spec, environment={}))
        with closing(store), pytest.raises(Unsupported, match="GitHub's container registry has no catalogue"):
            store.repositories("team/")
        assert asked(server) == []


def test_a_server_that_cannot_be_reached_has_no_limits_and_no_catalogue() -> None:
    with scripted({"GET /v2/": (403, JSON, b"{}")}) as (store, _):
        with pytest.raises(RegistryError, match="403"):
            store.repositories("team/")
        assert store.limits() == Limits()
