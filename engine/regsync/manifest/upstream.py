"""A chart from elsewhere, as a manifest asks for it. Reaches nothing and reads no lock file."""

from __future__ import annotations

from urllib.parse import urlsplit

from regsync.manifest.access import auth, tls
from regsync.manifest.nodes import Node, origins, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.reference import is_repository
from regsync.model.registry import RegistryType
from regsync.model.semver import Range
from regsync.model.upstream import UpstreamChart

_SECONDS = {"h": 3600, "d": 86400}


def read_upstream(node: Node, problems: list[Diagnostic]) -> UpstreamChart | None:
    """The chart that a mapping asks for; None where it cannot be told which. What is wrong becomes a finding."""
    repository, name, version = (node.find(each) for each in ("repository", "name", "version"))
    trust = tls(node.find("tls"), problems)
    if not (repository and name and version):
        return None
    before = len(problems)
    if flaw := _flaw(repository.text):
        problems.append(problem("RS111", repository.mark, f"`repository` {flaw}"))
    if not is_repository(name.text):
        summary = f"`{name.text}` is no name of a chart that a registry takes"
        problems.append(problem("RS111", name.mark, summary))
    try:
        Range(version.text)
    except ValueError as error:
        advice = "write a version, or a range as Helm reads it: `~1.10`, `^2.0.0`, `>=1.2 <2`"
        problems.append(problem("RS111", version.mark, str(error), advice=advice))
    if len(problems) > before:
        return None
    newest, min_age = node.find("newest"), node.find("minAge")
    return UpstreamChart(
        repository=repository.text.rstrip("/"),
        name=name.text,
        version=version.text,
        origin=node.mark.origin,
        newest=newest.value if newest and isinstance(newest.value, int) else 1,
        min_age=int(min_age.text[:-1]) * _SECONDS[min_age.text[-1]] if min_age else 0,
        auth=auth(node.find("auth"), RegistryType.BASIC),
        tls=trust,
        origins=dict(origins(node)),
    )


def _flaw(repository: str) -> str | None:
    """Why nothing can be at this URL."""
    try:
        parts = urlsplit(repository)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        return "is no URL"
    if not parts.hostname or not repository.isascii() or any(each.isspace() for each in repository):
        return "is no URL"
    if "@" in parts.netloc:
        return "holds a login, which belongs to `auth`"
    if parts.query or parts.fragment:
        return "holds more than scheme, host and path"
    if parts.scheme == "oci" and parts.path.strip("/") and not is_repository(parts.path.strip("/")):
        return "has a path that no registry takes"
    return None
