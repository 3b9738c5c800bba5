"""With what a registry is reached: logins and trust, as references. Reads no secret and reaches nothing."""

from __future__ import annotations

from pathlib import Path

from regsync.manifest.nodes import Node, kind_of_path, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import Auth, AuthMethod, AwsLogin, AzureLogin, RegistryType, SecretRef, Tls

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SHORTEST, _LONGEST = 15 * 60, 12 * 3600  # of a session with a role (AWS STS, AssumeRole)


def check_auth(node: Node, problems: list[Diagnostic]) -> None:
    """Report what no schema can tell about a login."""
    duration, profile, key = node.find("duration"), node.find("profile"), node.find("accessKeyId")
    if duration and not _SHORTEST <= seconds(duration) <= _LONGEST:
        summary = f"`auth.duration` is {duration.text}, but AWS takes 15m to 12h"
        problems.append(problem("RS111", duration.mark, summary))
    if profile and key:
        summary = "`profile` and `accessKeyId` are two logins"
        related = [(key.where, "the access key")]
        problems.append(
            problem("RS129", profile.where, summary, advice="leave one of them out", related=related)
        )


def auth(node: Node | None, type_: RegistryType) -> Auth:
    """The login of a registry, or the one of its type where none is written."""
    if type_ is RegistryType.LAYOUT:
        return Auth(AuthMethod.NONE)
    if node is None:
        return Auth(AuthMethod.AWS) if type_.creates_repositories else Auth()
    return Auth(
        AuthMethod(node.fields["method"].text),
        _text_or_secret(node.find("username")),
        _secret(node.find("password")),
        _secret(node.find("token")),
        _aws(node),
        AzureLogin(_text(node.find("tenant")), _text(node.find("clientId"))),
    )


def _aws(node: Node) -> AwsLogin:
    default = AwsLogin()
    duration = node.find("duration")
    return AwsLogin(
        profile=_text(node.find("profile")),
        access_key_id=_text_or_secret(node.find("accessKeyId")),
        secret_access_key=_secret(node.find("secretAccessKey")),
        session_token=_secret(node.find("sessionToken")),
        role_arn=_text(node.find("roleArn")),
        external_id=_text(node.find("externalId")),
        session_name=_text(node.find("sessionName")) or default.session_name,
        duration=seconds(duration) if duration else None,
    )


def seconds(duration: Node) -> int:
    """A whole number and its unit, in seconds."""
    return int(duration.text[:-1]) * _SECONDS[duration.text[-1]]


def _text(node: Node | None) -> str | None:
    return node.text if node else None


def _text_or_secret(node: Node | None) -> str | SecretRef | None:
    return node.value if node and isinstance(node.value, str) else _secret(node)


def _secret(node: Node | None) -> SecretRef | None:
    return secret(node) if node else None


def secret(node: Node) -> SecretRef:
    """The reference to a secret, which is not resolved."""
    version = node.find("version")
    number = version.value if version and isinstance(version.value, int) else None
    if variable := node.find("env"):
        return SecretRef("env", variable.text, node.mark.origin, version=number)
    file, written = node.mark.file, node.fields["file"].text
    path = file.absolute(written)
    return SecretRef("file", file.show(path), node.mark.origin, path, number)


def tls(node: Node | None, problems: list[Diagnostic]) -> Tls:
    """Whom to trust. Files that are not there become findings, and so does trust in everyone."""
    if node is None:
        return Tls()
    files: dict[str, Path] = {}
    for name in ("caFile", "certFile", "keyFile"):
        if written := node.find(name):
            file = written.mark.file
            files[name] = file.absolute(written.text)
            if kind_of_path(files[name]) != "file":
                summary = f"no such file: {file.show(files[name])}"
                problems.append(problem("RS128", written.mark, summary, advice=file.base))
    skip = node.find("insecureSkipVerify")
    if skip and skip.value:
        problems.append(problem("RS130", skip.where, "certificates are not verified"))
    shown = [f"{name}={node.fields[name].text}" for name in files]
    return Tls(
        files.get("caFile"),
        files.get("certFile"),
        files.get("keyFile"),
        bool(skip and skip.value),
        " ".join([*shown, "insecureSkipVerify"] if skip and skip.value else shown),
    )
