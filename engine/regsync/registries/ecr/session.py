"""Calls to the APIs of AWS: logs in as a manifest says, writes nothing while planning, and counts what leaves.

Knows botocore; what a call is for, its caller knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from botocore import exceptions, xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, RefreshableCredentials
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError
from botocore.session import Session

from regsync import __version__
from regsync.model.errors import NotARegistry, RegistryError, RegsyncError
from regsync.model.registry import AwsLogin, RegistrySpec, SecretRef
from regsync.registries.base import Surroundings
from regsync.registries.ecr.actions import SIGN_IN, may_call, service_of
from regsync.registries.ecr.failures import EXPIRED, Refusal, failure
from regsync.registries.ecr.unanswered import NO_ANSWER, is_unknown_host, unanswered
from regsync.transport.credentials import resolve
from regsync.transport.origins import Origin
from regsync.transport.redact import Redactor, one_line
from regsync.transport.trust import AllowedHosts
from regsync.transport.wire import Timeouts

ATTEMPTS = 8
"""How often a call is tried. Adaptive retries slow all calls down while AWS throttles."""
PAGE = 1000
"""The most that one page of any list of ECR holds."""
ENDING = 300
"""Seconds before its end from which on a role's session is renewed: the SDK's own 15 minutes are all that the shortest
one lasts, which would be renewed before every call."""

UNANSWERED = 5
"""How often a call is tried where no answer comes."""
ASIDE = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})
"""How whose login it is is asked: that only makes messages better, and nobody waits for it."""

_REPOSITORY = "regsync.repository"


def session_of(spec: RegistrySpec, surroundings: Surroundings) -> AwsSession:
    """The session of a registry, which it has in common with those of the same login, account and region."""
    login = spec.auth.aws
    secrets = (login.access_key_id, login.secret_access_key, login.session_token)
    found_at = [
        (each.source, each.name, each.path) if isinstance(each, SecretRef) else each for each in secrets
    ]
    rest = replace(login, access_key_id=None, secret_access_key=None, session_token=None)
    key = (AwsSession, spec.auth.method, rest, *found_at, spec.type, spec.aws, spec.region)
    return surroundings.shared.get(key, lambda: AwsSession(spec, surroundings))


class AwsSession:
    """One login to AWS in one region. Thread-safe; logs in with the first call.

    Like the run that it belongs to it starts `read_only`: then whatever could write raises, also what the SDK's own
    chain of credentials calls.
    """

    def __init__(self, spec: RegistrySpec, surroundings: Surroundings) -> None:
        self.read_only = True
        self.requests = 0
        """How many requests have left, repeated ones and those of the chain of credentials included."""
        self.spec = spec
        """The registry that it was opened for."""
        self._surroundings = surroundings
        self._allowed = AllowedHosts(surroundings.environment)
        self._redact = Redactor()
        self._source = "spec.auth"
        self._session: Session | None = None
        self._failure: Exception | None = None
        self._clients: dict[str, BaseClient] = {}
        self._left: list[BaseClient] = []
        """Clients whose login has ended; others may still wait for their answers."""
        self._models = surroundings.shared.get(_Models, _Models)
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._at_once = threading.BoundedSemaphore(surroundings.parallelism)
        self._asking = threading.Lock()
        self._account: str | None = None
        self._sent = threading.local()

    def call(self, operation: str, **parameters: Any) -> Any:
        """Call an operation of the registry's API; parameters that are None are left out.

        Raises RegistryErrors, and RegsyncError for a write while read-only.
        """
        service = service_of(self.spec)
        try:
            return self._call(service, operation, parameters)
        except exceptions.ClientError as error:
            raise self._refused(service, error, parameters.get("repositoryName", "")) from None
        except exceptions.BotoCoreError as error:
            raise unanswered(self._what(operation), error, self.spec, self._redact) from None
        except ResponseParserError:
            raise self._no_answer_of_aws(operation) from None

    def told(self, operation: str, field: str, **parameters: Any) -> Any:
        """What the answer to an operation has in `field`; see `call`. An answer without it is not one of AWS."""
        return self._field(operation, field, self.call(operation, **parameters))

    def pages(self, operation: str, field: str, **parameters: Any) -> Iterator[Any]:
        """The items of a list, page by page; see `told`."""
        following: str | None = None
        while True:
            page = self.call(operation, maxResults=PAGE, nextToken=following, **parameters)
            yield from self._field(operation, field, page)
            following = page.get("nextToken")
            if not following:
                return

    def _field(self, operation: str, field: str, answer: dict[str, Any]) -> Any:
        """The SDK makes an empty answer of a page of HTML, which must not be taken for an empty registry."""
        if field not in answer:
            raise self._no_answer_of_aws(operation)
        return answer[field]

    def account(self) -> str:
        """The account that the login is of, empty where AWS does not say. A role's ARN tells it; else AWS is asked, once and not
        for long."""
        if self.spec.auth.aws.role_arn:
            return self.spec.auth.aws.role_arn.split(":")[4]
        with self._asking:
            if self._account is None:
                try:
                    self._account = str(self._call("sts", "GetCallerIdentity", {}).get("Account", ""))
                except (RegsyncError, exceptions.BotoCoreError, exceptions.ClientError, ResponseParserError):
                    self._account = ""
            return self._account

    def client(self, service: str) -> BaseClient:
        """The SDK's client of a service. Raises errors of the SDK, and AuthenticationFailed; a failure stays where nothing
        has ever been opened."""
        with self._opening:
            if self._failure is not None:
                raise self._failure
            if service not in self._clients:
                try:
                    session = self._session = self._session or self._open()
                    with self._models.reading:
                        self._clients[service] = session.create_client(
                            service, config=ASIDE if service == "sts" else None
                        )
                except (exceptions.BotoCoreError, exceptions.ClientError, RegsyncError) as error:
                    if not (self._clients or self._left):
                        self._failure = error
                    raise
            return self._clients[service]

    def close(self) -> None:
        """Close all connections. What is called afterwards opens others."""
        with self._opening:
            for each in (*self._left, *self._clients.values()):
                each.close()

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Call with the login that there is, and where that has ended before its time, once more with a new one."""
        given = {name: value for name, value in parameters.items() if value is not None}
        with self._at_once:
            client = self.client(service)
            try:
                return getattr(client, xform_name(operation))(**given)
            except exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") not in EXPIRED:
                    raise
                self._log_out(client)
            return getattr(self.client(service), xform_name(operation))(**given)

    def _log_out(self, client: BaseClient) -> None:
        """Let the next call log in anew, unless that was done since `client` was opened."""
        with self._opening:
            if client in self._clients.values():
                self._left += self._clients.values()
                self._clients.clear()
                self._session = None

    def _what(self, operation: str) -> str:
        return f"{service_of(self.spec)}:{operation}"

    def _open(self) -> Session:
        """A session with the manifest's login, in the registry's region whatever the environment says."""
        login = self.spec.auth.aws
        session = Session(profile=login.profile)
        session.register_component("data_loader", self._models.loader)
        session.set_config_variable("region", self.spec.region)
        session.set_config_variable("sts_regional_endpoints", "regional")
        timeouts = Timeouts()
        config = Config(
            connect_timeout=timeouts.connect,
            read_timeout=timeouts.read,
            retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
            max_pool_connections=self._surroundings.parallelism,
            user_agent_extra=f"regsync/{__version__}",
        )
        session.set_default_client_config(config)
        # These hold for every client of the session, those that providers of credentials make included.
        events = session.get_component("event_emitter")
        events.register("before-endpoint-resolution", self._choose_hosts)
        events.register("before-parameter-build", self._note)
        events.register("before-call", self._check)
        events.register("before-send", self._count)
        events.register_first("needs-retry.*.*", self._give_up)
        events.register("response-received", self._trace)
        credentials = self._written(login) or session.get_component("credential_provider").load_credentials()
        if credentials is None:
            raise exceptions.NoCredentialsError
        self._source = str(credentials.method)
        if login.role_arn:
            fetcher = AssumeRoleCredentialFetcher(
                partial(session.create_client, region_name=self.spec.region),
                credentials,
                login.role_arn,
                extra_args=_role_arguments(login),
            )
            assume = fetcher.fetch_credentials
            credentials = RefreshableCredentials.create_from_metadata(
                assume(), assume, "assume-role", advisory_timeout=ENDING, mandatory_timeout=ENDING // 2
            )
        session.register_component("credential_provider", _Given(credentials))
        return session

    def _written(self, login: AwsLogin) -> Credentials | None:
        """The access key that the manifest names, if it does."""
        if login.access_key_id is None or login.secret_access_key is None:
            return None
        environment, key = self._surroundings.environment, login.access_key_id
        if isinstance(key, SecretRef):
            key = resolve(key, environment)
        secret = resolve(login.secret_access_key, environment)
        token = resolve(login.session_token, environment) if login.session_token else None
        self._redact.learn(secret, token or "")
        return Credentials(key, secret, token, method="spec.auth")

    def _choose_hosts(self, builtins: dict[str, Any], model: Any, **others: object) -> None:
        """Let ECR and STS be reached as the endpoint is, by FIPS or dual-stack hosts; SSO does not have all of these."""
        place, service = self.spec.aws, model.service_model.service_name
        if place and service in {"ecr", "ecr-public", "sts"} and not builtins.get("SDK::Endpoint"):
            builtins["AWS::UseFIPS"] |= place.fips
            builtins["AWS::UseDualStack"] |= place.dual_stack

    def _note(self, params: dict[str, Any], context: dict[str, Any], **others: object) -> None:
        """Keep of which repository a call is, for the trace."""
        arn = str(params.get("resourceArn", ""))
        context[_REPOSITORY] = params.get("repositoryName") or arn.partition(":repository/")[2]

    def _check(self, model: Any, params: dict[str, Any], **others: object) -> None:
        """Stop what must not be called, and what would go where no credentials may go."""
        action = f"{model.service_model.service_name}:{model.name}"
        if not may_call(action, planning=self.read_only):
            why = "planning never writes" if self.read_only else "regsync has no use for it"
            raise RegsyncError(
                f"{action}: not sent, because {why}", hint="this is a bug in regsync: please report it"
            )
        self._allowed.check(Origin.parse(params["url"]))

    def _count(self, request: Any, **others: object) -> None:
        with self._counting:
            self.requests += 1
        self._redact.learn(_text(request.headers.get("X-Amz-Security-Token", "")))
        self._sent.at = time.monotonic()

    def _give_up(self, caught_exception: Exception | None, attempts: int, **others: object) -> bool | None:
        """Whether not to try again, where the SDK would: nobody knows the host's name, or nobody answers there. None leaves
        it to the SDK."""
        tired = attempts >= UNANSWERED and isinstance(caught_exception, NO_ANSWER)
        return False if tired or is_unknown_host(caught_exception) else None

    def _trace(
        self,
        parsed_response: dict[str, Any] | None,
        exception: object,
        context: dict[str, Any],
        event_name: str,
        **others: object,
    ) -> None:
        """Tell of a request: what was asked where, of which repository if of one, and AWS's error code or the status."""
        _, service, operation = event_name.split(".")
        if parsed_response is None:
            answer = type(exception).__name__
        else:
            status = parsed_response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
            answer = one_line(str(parsed_response.get("Error", {}).get("Code") or status), 80)
        asked = f"{service} {operation} {context['client_region']} {context.get(_REPOSITORY, '')}".rstrip()
        took = (time.monotonic() - self._sent.at) * 1000
        self._surroundings.trace(f"{asked}: {answer} in {took:.0f} ms")

    def _refused(self, service: str, error: exceptions.ClientError, repository: str) -> RegistryError:
        """What AWS's refusal means; it may be of a call that the chain of credentials made."""
        said, operation = error.response.get("Error", {}), error.operation_name
        nested = {each.partition(":")[2]: each for each in SIGN_IN}
        refusal = Refusal(
            nested.get(operation, f"{service}:{operation}"),
            repository,
            one_line(str(said.get("Code", "")), 80),
            one_line(self._redact(str(said.get("Message", "")))),
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        )
        return failure(refusal, self.spec, self._source, self.account)

    def _no_answer_of_aws(self, operation: str) -> RegistryError:
        return NotARegistry(
            f"{self._what(operation)}: the answer is not one of AWS",
            hint="a proxy or a login page answers in its stead: see AWS_ENDPOINT_URL and HTTPS_PROXY",
        )


class _Models:
    """The SDK's descriptions of services. To read them takes longer than all else of opening a client, so the sessions
    of a run share them, and open their first clients one after the other."""

    def __init__(self) -> None:
        self.loader = Loader()
        self.reading = threading.Lock()


class _Given:
    """Where a session finds credentials that are there already."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        return self._credentials


def _role_arguments(login: AwsLogin) -> dict[str, Any]:
    arguments = {
        "RoleSessionName": login.session_name,
        "ExternalId": login.external_id,
        "DurationSeconds": login.duration,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
