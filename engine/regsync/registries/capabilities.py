"""What kinds of servers cannot do, or only under a condition, told by what each shows of itself.

Only what no answer to a read tells stands here. How the rest differ is seen from their answers where they are asked:
CNCF Distribution, Harbor, JFrog Artifactory, Nexus and zot need no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from regsync.model.state import Limits
from regsync.transport.messages import Greeting


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server: how it is recognised (globs on the endpoint's host and on the URL where it has tokens given out)
    and what it cannot do."""

    limits: Limits
    hosts: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()
    catalogue: bool = True
    """Whether it lists its repositories."""

    def is_shown_by(self, greeting: Greeting) -> bool:
        return any(fnmatchcase(greeting.host, each) for each in self.hosts) or any(
            fnmatchcase(greeting.realm, each) for each in self.realms
        )


UNKNOWN = Server(Limits())
"""Every server that shows nothing by which it would be known: it is believed to do all that is asked of it."""

SERVERS = (
    Server(
        Limits(
            "GitHub's container registry",
            no_deletes="delete the version of the package on GitHub, by its page or its REST API",
        ),
        hosts=("ghcr.io",),
        realms=("https://ghcr.io/token*",),
        catalogue=False,
    ),
    Server(
        Limits("Docker Hub", most_parts=2),
        hosts=("docker.io", "index.docker.io", "registry-1.docker.io"),
        realms=("https://auth.docker.io/*",),
        catalogue=False,
    ),
    Server(
        Limits(
            "Quay",
            packs="it takes packs only if its ALLOWED_OCI_ARTIFACT_TYPES name application/vnd.unknown.config.v1+json, "
            "or with IGNORE_UNKNOWN_MEDIATYPES",
        ),
        hosts=("quay.io",),
        realms=("*/v2/auth*",),
    ),
    Server(
        Limits(
            "GitLab",
            packs="it takes two names beneath a project, so packs need a project <base content path>/spectro-packs",
        ),
        hosts=("registry.gitlab.com",),
        realms=("*/jwt/auth*",),
    ),
    Server(
        Limits(
            "Google Artifact Registry",
            packs="<project>/<repository>, with which the base content path begins, must be there before the first push",
            charts="<project>/<repository>, with which the base content path begins, must be there before the first push",
        ),
        hosts=("*-docker.pkg.dev",),
    ),
)


def server_of(greeting: Greeting | None) -> Server:
    """The kind of server that has shown itself so; UNKNOWN where none is known by that, or nothing was shown yet."""
    if greeting is None:
        return UNKNOWN
    return next((each for each in SERVERS if each.is_shown_by(greeting)), UNKNOWN)
