"""Why an operation cannot go on. Findings about the user's files are diagnostics instead.

RegsyncError                exit status
├── UsageError              64
├── ManifestInvalid          3   carries diagnostics
├── Refused                  4   an approval, guard or plan file stands against it
├── RegistryError            1
│   ├── Unreachable              no answer: DNS, connection, TLS, time-out, retries used up
│   ├── NotARegistry             an answer, but not one that a registry gives
│   ├── AuthenticationFailed     the login was refused or there is none
│   ├── PermissionDenied         logged in, but not allowed
│   ├── NotFound                 the registry's own "no such manifest, blob or repository"
│   ├── Unsupported              the registry does not offer the operation
│   ├── RateLimited              still throttled after the retries
│   ├── Conflict                 live state is not what the plan saw
│   └── ProtocolError            an answer that breaks the protocol: wrong digest, too large, malformed
└── ContentError             1   a folder changed or vanished while it was read
"""

from __future__ import annotations

from typing import ClassVar

from regsync.model.diagnostic import Diagnostic


class RegsyncError(Exception):
    """An expected failure. The message says what and where; `hint` says what to do next. Neither holds a secret."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RegsyncError):
    exit_status = 64


class ManifestInvalid(RegsyncError):
    """The manifests have errors; all of them are in `diagnostics`."""

    exit_status = 3

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        count = sum(1 for each in diagnostics if each.severity == "error")
        super().__init__(f"{count} error{'s' if count != 1 else ''} in the manifests")
        self.diagnostics = diagnostics


class Refused(RegsyncError):
    exit_status = 4


class RegistryError(RegsyncError):
    """A registry could not do what was asked. `code` is its own error code where it gave one (MANIFEST_UNKNOWN…)."""

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


class Unreachable(RegistryError):
    pass


class NotARegistry(RegistryError):
    pass


class AuthenticationFailed(RegistryError):
    pass


class PermissionDenied(RegistryError):
    pass


class NotFound(RegistryError):
    """Only ever raised for a registry's own answer; a bare 404 is NotARegistry."""


class Unsupported(RegistryError):
    pass


class RateLimited(RegistryError):
    pass


class Conflict(RegistryError):
    pass


class ProtocolError(RegistryError):
    pass


class ContentError(RegsyncError):
    pass
