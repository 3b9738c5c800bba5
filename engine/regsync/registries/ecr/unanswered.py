"""What it means that AWS gave no answer, or that the SDK had nothing to ask with: in plain words, and what to do about it.

Knows botocore's errors; calls nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from botocore import exceptions

from regsync.model.errors import AuthenticationFailed, RegistryError, Unreachable
from regsync.model.registry import RegistrySpec
from regsync.registries.ecr.hosts import aws_hosts
from regsync.transport.origins import Origin
from regsync.transport.redact import one_line

NO_ANSWER = (exceptions.ConnectionError, exceptions.HTTPClientError)
"""What the SDK raises where a host could not be reached or did not answer."""


def unanswered(
    what: str, error: exceptions.BotoCoreError, spec: RegistrySpec, redact: Callable[[str], str]
) -> RegistryError:
    """The error that a failure of the SDK amounts to. `what` was to be done; `redact` takes secrets out of a text."""
    at, text = spec.at("auth"), one_line(redact(str(error)))
    if isinstance(error, exceptions.NoCredentialsError):
        return AuthenticationFailed(
            "no credentials of AWS were found: none in the environment, in a profile, by SSO or web identity, and no "
            "role of a container or instance",
            hint=f"set AWS_PROFILE or AWS_ACCESS_KEY_ID, run `aws sso login`, or name a login in spec.auth ({at})",
        )
    if isinstance(error, exceptions.ProfileNotFound):
        named = f"spec.auth.profile ({spec.at('auth.profile')})"
        return AuthenticationFailed(
            f"AWS's configuration has no profile {error.kwargs['profile']!r}",
            hint=f"{named if spec.auth.aws.profile else 'AWS_PROFILE'} names it; "
            "`aws configure list-profiles` lists those that there are",
        )
    if is_unknown_host(error):
        host = Origin.parse(error.kwargs["endpoint_url"]).host
        hint = "AWS_ENDPOINT_URL, or AWS's configuration, names it"
        if host in {each.name for each in aws_hosts(spec)}:
            hint = f"is there a region {spec.region}? see the endpoint ({spec.at('endpoint')})"
        return Unreachable(f"{what}: no host has the name {host}", hint=hint)
    if isinstance(error, exceptions.SSLError):
        return Unreachable(f"{what}: {text}", hint="AWS_CA_BUNDLE names the authority of a proxy in between")
    if isinstance(error, NO_ANSWER):
        return Unreachable(
            f"{what}: {_why(error) or text}",
            hint="does a firewall let you through? `regsync endpoints` lists the hosts; HTTPS_PROXY names a proxy, "
            "and AWS_ENDPOINT_URL where to go in AWS's stead",
        )
    if isinstance(error, exceptions.ParamValidationError):
        return RegistryError(f"{what}: {text}")
    # What is left concerns the configuration of AWS and its logins: SSO, metadata services, files.
    return AuthenticationFailed(
        f"{what}: {text}", hint=f"renew the login, as with `aws sso login`, or see spec.auth ({at})"
    )


def is_unknown_host(error: BaseException | None) -> bool:
    """Whether a name server says that there is no such host."""
    if not isinstance(error, exceptions.EndpointConnectionError):
        return False
    broken: Exception = error.kwargs["error"]
    return isinstance(broken.__cause__, socket.gaierror) and broken.__cause__.errno != socket.EAI_AGAIN


def _why(error: exceptions.BotoCoreError) -> str:
    """Why a host did not answer; empty where only the SDK's own text says it."""
    if "endpoint_url" not in error.kwargs:
        return ""
    host, broken = Origin.parse(error.kwargs["endpoint_url"]), error.kwargs.get("error")
    cause = broken.__cause__ if isinstance(broken, Exception) else None
    if isinstance(error, exceptions.ConnectTimeoutError):
        return f"no connection to {host} within the time-out"
    if isinstance(error, exceptions.ReadTimeoutError):
        return f"no answer from {host} within the time-out"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection to {host}: {cause.strerror.lower()}"
    return ""
