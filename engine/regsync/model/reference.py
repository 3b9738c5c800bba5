"""Names of things: registries, repositories, tags, digests and the addresses made of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Linear forms of the distribution-spec grammar: the published repository expression backtracks exponentially.
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")

_PROJECT = "@project/"
_PALETTE = "@palette/"
_SYNC = "/sync"

REPOSITORY_LIMIT = 255
"""Characters in a repository name, host included, that registries accept (distribution-spec)."""


def is_repository(name: str) -> bool:
    """Whether `name` is a repository path by the distribution-spec grammar."""
    return 0 < len(name) <= REPOSITORY_LIMIT and all(_COMPONENT.fullmatch(part) for part in name.split("/"))


def is_tag(tag: str) -> bool:
    """Whether `tag` is an OCI tag: 1 to 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`."""
    return _TAG.fullmatch(tag) is not None


def is_digest(text: str) -> bool:
    """Whether `text` is a full sha256 or sha512 digest in lower case. Check before using one in a path or URL."""
    return _DIGEST.fullmatch(text) is not None


def sha256_digest(data: bytes) -> str:
    """The digest of bytes: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def chart_tag(version: str) -> str:
    """The tag of a chart's version, as Helm has it: no tag has a plus sign."""
    return version.replace("+", "_")


def chart_version(tag: str) -> str:
    """The version behind a chart's tag: no semantic version has an underscore."""
    return tag.replace("_", "+")


@dataclass(frozen=True, slots=True)
class Address:
    """The key of every object: `registry/path` or `registry/path:tag`.

    `registry` is a live registry's name, with `@region` where there are several. Artifacts have a tag,
    repositories have none, other objects have a path that starts with `@` (`@project/team`).
    """

    registry: str
    path: str
    tag: str | None = None

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}" + (f":{self.tag}" if self.tag is not None else "")

    def __lt__(self, other: Address) -> bool:
        return (self.registry, self.path, self.tag or "") < (other.registry, other.path, other.tag or "")

    @classmethod
    def of_project(cls, registry: str, name: str) -> Address:
        """The project that holds every repository whose first segment is `name`, where a registry has projects."""
        return cls(registry, _PROJECT + name)

    @property
    def project(self) -> str | None:
        """The name of the project that this is the address of, None where it is of something else."""
        return self.path.removeprefix(_PROJECT) if self.path.startswith(_PROJECT) else None

    @classmethod
    def of_registration(cls, document: str, name: str) -> Address:
        """What Palette calls `name`: it belongs to a Registry document as a whole, whatever its regions."""
        return cls(document, _PALETTE + name)

    @property
    def registration(self) -> str | None:
        """The name in Palette of the registration that this is the address of, or the address of the sync of; None where
        it is of something else."""
        return (
            self.path.removeprefix(_PALETTE).removesuffix(_SYNC) if self.path.startswith(_PALETTE) else None
        )

    @property
    def sync(self) -> Address:
        """The synchronization of the registration that this is the address of."""
        return Address(self.registry, self.path + _SYNC)

    @property
    def within(self) -> tuple[Address, ...]:
        """What must be there first, where a registry has such: an artifact's repository, and the project of both."""
        if self.path.startswith("@"):
            return ()
        project = Address.of_project(self.registry, self.path.partition("/")[0])
        return (project,) if self.tag is None else (Address(self.registry, self.path), project)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read what `str()` wrote. Raises ValueError where there is no registry or no path."""
        registry, slash, rest = text.partition("/")
        if not registry or not slash or not rest:
            raise ValueError(f"not an address: {text!r}")
        path, colon, tag = rest.rpartition(":")
        return cls(registry, path, tag) if colon else cls(registry, rest)

    def matches(self, pattern: str) -> bool:
        """Whether a shell glob (as in --target) matches the whole address; `*` crosses slashes. The name of a live
        registry, or of the document that declares it, alone stands for all that is in it."""
        return pattern in (self.registry, self.registry.partition("@")[0]) or fnmatchcase(str(self), pattern)
