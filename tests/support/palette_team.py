"""A project whose registry is registered in the Palette of the tests, and what Palette then has of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran
from tests.support.palette import PaletteServer, Seen
from tests.support.palette_rules import Registration
from tests.support.project import Project
from tests.support.servers import HTPASSWD, PASSWORD, USER, DistributionServer
from tests.support.team import LOGIN, Team, login_to

HUB = "hub"
KEY, PULL = "PALETTE_API_KEY", "PULL_PASSWORD"
"""The variables with the key to Palette, and with the password by which Palette reads a registry."""
BY_PASSWORD: Mapping[str, Any] = {"method": "basic", "username": USER, "password": {"env": PULL}}
HELM: Mapping[str, Any] = {"provider": "helm", "baseContentPaths": ["charts"]}
"""What else a manifest says where it has charts."""
SEARCH = "/v1/packs/search"

PULLER, NEW_PASSWORD = "puller", "battery-staple"
# bcrypt of NEW_PASSWORD at the lowest cost.
NEW_LOGIN = f"{PULLER}:$2b$04$yacPx054l6rJldN0zYt2..idGukq0tKJksBgdF4guUnNAUye8ttJK\n"


def add_palette(project: Project, server: PaletteServer, **spec: Any) -> dict[str, str]:
    """Write the document of a Palette beside the manifests, and return the environment that it needs.

    Syncs end when they are first looked at.
    """
    document = {
        "apiVersion": "regsync/v1",
        "kind": "Palette",
        "metadata": {"name": HUB},
        "spec": {"host": server.url, "apiKey": {"env": KEY}, **spec},
    }
    project.write("registries/palette.yaml", json.dumps(document))
    server.syncs.looks = 0
    return {KEY: server.api_key}


def enter(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    """Give a test this environment, and no pauses where it is not about them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("regsync.palette.pace.PER_SECOND", 1000)
    monkeypatch.setattr("regsync.palette.sync.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)


def registered(auth: Mapping[str, Any] = BY_PASSWORD, **more: Any) -> dict[str, Any]:
    """What `spec.palette` says."""
    return {"ref": HUB, "auth": auth, **more}


class PaletteTeam(Team):
    """Syncs its packs to `platform` in a registry with a login and a private authority, and registers it in Palette as
    `team`, which logs in by BY_PASSWORD."""

    def __init__(self, root: Path, server: DistributionServer, palette: PaletteServer, **spec: Any) -> None:
        self.palette = palette
        said = {**login_to(server), "palette": registered(), **spec}
        super().__init__(root, server.url, "platform", **said)
        self.environment = {**LOGIN, PULL: PASSWORD, **add_palette(self, palette)}

    @property
    def live(self) -> Registration:
        """What Palette has as `team`."""
        return self.palette.named(self.name)

    @property
    def registration(self) -> str:
        """The address."""
        return f"{self.name}/@palette/{self.name}"

    @property
    def sync(self) -> str:
        return f"{self.registration}/sync"

    def published(self) -> PaletteTeam:
        """The team once it has published a pack, nginx."""
        self.pack()
        ran = self.apply()
        assert ran.status == 0, ran.out + ran.err
        self.palette.requests.clear()
        return self

    def copied_to(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
        """The same checkout on a machine that has seen none of it."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(root.with_name(f"{root.name}-cache")))
        return Project(shutil.copytree(self.root, root))


def last_line(ran: Ran, address: str) -> str:
    """What was said last of an address: by a plan what it would do and why, by an apply what became of it."""
    return [each for each in ran.out.splitlines() if each.split()[1:2] == [address]][-1]


def listed(server: PaletteServer, name: str = "team") -> set[str]:
    """What Palette lists of a registry, as `name:version`."""
    return {f"{each.name}:{each.version}" for each in server.named(name).packs.values()}


def writes(server: PaletteServer) -> list[Seen]:
    """The requests that change something if they are let; a validation stores nothing, but no plan may ask for it."""
    return [each for each in server.requests if each.method not in ("GET", "HEAD") and each.path != SEARCH]


def syncs(server: PaletteServer) -> list[str]:
    """For each sync that was asked for whether it was by force: "true" or "false"."""
    return [each.query["forceSync"] for each in server.asked("POST", "*/sync")]


def change_password(server: DistributionServer) -> None:
    """Let PULLER in, too, with NEW_PASSWORD. The server looks at the file again when it has changed."""
    (server.folder / "htpasswd").write_text(HTPASSWD + NEW_LOGIN, encoding="utf-8")
