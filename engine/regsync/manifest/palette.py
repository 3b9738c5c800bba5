"""What manifests say of Palette: where it is, and as what registries are registered there. Reads certificates, and
reaches nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from regsync.manifest.access import auth, seconds, secret, tls
from regsync.manifest.endpoint import Place, base_path, has_macro, in_region, network_url
from regsync.manifest.nodes import Mark, Node, did_you_mean, kind_of_path, origins, problem
from regsync.model.diagnostic import Diagnostic, has_errors
from regsync.model.palette import PaletteSpec, RegistrationSpec, Unwanted
from regsync.model.registry import Auth, AuthMethod, RegistryType, SecretRef, Tls
from regsync.model.settings import Json

# The logins that Palette's form has for registries of its two kinds, and the partitions of its AWS credentials.
_BASIC_LOGINS = (AuthMethod.NONE, AuthMethod.BASIC, AuthMethod.TOKEN)
_ECR_LOGINS = (AuthMethod.NONE, AuthMethod.CREDENTIALS, AuthMethod.STS)
_PARTITIONS = ("aws", "aws-us-gov", "aws-iso", "aws-iso-b")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s[^-]+-----END CERTIFICATE-----")
_TIMEOUT = 600  # seconds; as the schema says


@dataclass(frozen=True, slots=True)
class Site:
    """A registry as far as it is known. `name` is that of its document; `paths` are its base content paths, None where not
    all can be told; `sound` says that nothing is wrong with it."""

    name: Node | None
    type: RegistryType | None
    places: tuple[Place, ...]
    paths: Mapping[str, Mark] | None
    sound: bool


def read_palette(document: Node, problems: list[Diagnostic]) -> PaletteSpec | None:
    """The Palette that a document describes, None where it cannot be told. What is wrong becomes a finding."""
    name, host = document.find("metadata", "name"), document.find("spec", "host")
    key, trust = document.find("spec", "apiKey"), document.find("spec", "tls")
    url = network_url(host, "spec.host", problems) if host else None
    if host and url and url.startswith("http://"):
        if not _is_loopback(url):
            summary = "the API key would travel to Palette in the clear"
            advice = f"write https://{url.removeprefix('http://')}"
            problems.append(problem("RS143", host.mark, summary, advice=advice))
        _refuse_without_tls(trust, "spec.tls", host, problems)
    trusted = tls(trust, problems)
    if not (name and url and key and document.known):
        return None
    written = dict(origins(document.fields["spec"]))
    return PaletteSpec(name.text, url, secret(key), name.mark.origin, trusted, written)


@dataclass(slots=True)
class Registrations:
    """What all documents of a run register. `palettes` are there by name, None where something is wrong with one."""

    palettes: Mapping[str, PaletteSpec | None]
    problems: list[Diagnostic]
    names: dict[tuple[str, str], tuple[Mark, bool]] = field(default_factory=dict)
    templates: dict[tuple[str, ...], Mark] = field(default_factory=dict)

    def read(self, spec: Node, site: Site) -> tuple[tuple[RegistrationSpec, ...], tuple[Unwanted, ...]]:
        """The registrations of a registry, one for each base content path, and those that must not be there; these alone
        where there is no `auth`. What is wrong becomes a finding, and nothing is registered then."""
        written = spec.find("palette")
        if written is None:
            return (), ()
        before = len(self.problems)
        palette = self._palette(written.find("ref"))
        registers = not written.lacks("auth")
        names = _names(written, site, self.problems) if registers else {}
        absent = written.find("absent")
        removed = absent.each if absent else []
        if palette:
            for name, mark in names.values():
                self._claim_name(palette, name, mark, wanted=True)
            for each in removed:
                self._claim_name(palette, each.text, each.mark, wanted=False)
        if not registers:
            sound = palette and site.sound and not has_errors(self.problems[before:])
            return (), tuple(_unwanted(palette, removed)) if palette and sound else ()
        _check_login(written, site, self.problems)
        _check_sync(spec, written, self.problems)
        trusted, settings = _trust(spec, written, self.problems)
        login = written.find("auth")
        sound = site.sound and not has_errors(self.problems[before:])
        if not (sound and palette and login and site.type):
            return (), ()
        known = auth(login, site.type)
        settings = {**_settings(spec, site, site.type, known), **settings}
        if has_macro(spec.fields["endpoint"]):
            for path, (_, mark) in names.items():
                self._claim_template(palette, settings, path, mark)
        wait, timeout = written.find("sync", "wait"), written.find("sync", "timeout")
        replaces = spec.find("policy", "replacePalette")
        registered = tuple(
            RegistrationSpec(
                palette=palette,
                name=name,
                base_content_path=path,
                settings={**settings, "baseContentPath": path},
                auth=known,
                tls=trusted,
                origin=mark.origin,
                replace=replaces is not None and replaces.value == "allow",
                wait=wait is None or bool(wait.value),
                timeout=seconds(timeout) if timeout else _TIMEOUT,
            )
            for path, (name, mark) in names.items()
        )
        return registered, tuple(_unwanted(palette, removed))

    def _palette(self, ref: Node | None) -> PaletteSpec | None:
        if ref is None:
            return None
        if ref.text not in self.palettes:
            advice = did_you_mean(ref.text, self.palettes) or "no file of this run has a Palette"
            summary = f"no Palette is called `{ref.text}`"
            self.problems.append(problem("RS125", ref.mark, summary, advice=advice))
        return self.palettes.get(ref.text)

    def _claim_name(self, palette: PaletteSpec, name: str, mark: Mark, *, wanted: bool) -> None:
        """Report a name that another registration in the same Palette has, or that is wanted and unwanted."""
        first, was_wanted = self.names.setdefault((palette.host, name), (mark, wanted))
        if first is mark:
            return
        advice = "take one of them out"
        if wanted != was_wanted:
            advice += "; `palette: {ref: …, absent: […]}`, without `auth`, registers nothing"
            summary = f"`{name}` is both registered in Palette and declared absent"
        elif wanted:
            summary = f"two registrations in Palette are called `{name}`"
            advice = (
                "give one of them another name: `palette.name`, or `palette.names` for one base content path"
            )
        else:
            summary = f"`{name}` is declared absent twice"
        related = [(first, "the other one")]
        self.problems.append(problem("RS140", mark, summary, advice=advice, related=related))

    def _claim_template(
        self, palette: PaletteSpec, settings: Mapping[str, Json], path: str, mark: Mark
    ) -> None:
        """Report a template that Palette has by another name: documents for different regions of it declare different
        registries, but Palette knows one."""
        endpoint, provider = str(settings["endpoint"]), str(settings["provider"])
        place = (palette.host, in_region(endpoint, "*").lower(), provider, path)
        first = self.templates.setdefault(place, mark)
        if first is not mark:
            summary = f"`{endpoint}`, path `{path}`, is registered in Palette twice"
            advice = "put all regions into one Registry document, or give each its own base content path"
            related = [(first, "the other one")]
            self.problems.append(problem("RS124", mark, summary, advice=advice, related=related))


def _unwanted(palette: PaletteSpec, names: Iterable[Node]) -> Iterator[Unwanted]:
    return (Unwanted(palette, each.text, each.mark.origin) for each in names)


def _names(written: Node, site: Site, problems: list[Diagnostic]) -> dict[str, tuple[str, Mark]]:
    """The name of each registration by its base content path, as far as it is known, and where it comes from."""
    if site.paths is None:
        return {}
    own = written.find("name")
    base = own or (site.name if written.lacks("name") else None)
    found: dict[str, tuple[str, Mark]] = {}
    if base:
        first, *others = site.paths or [""]
        found[first] = base.text, own.mark if own else written.where
        found |= {each: (f"{base.text}-{each.replace('/', '-')}", site.paths[each]) for each in others}
    names = written.find("names")
    for key, node in names.fields.items() if names else ():
        path = key.strip("/")
        if path not in site.paths:
            advice = did_you_mean(path, site.paths) or "there are no base content paths here: write `name`"
            summary = f"`{key}` is none of `spec.baseContentPaths`"
            problems.append(problem("RS125", node.where, summary, advice=advice))
        elif isinstance(node.value, str):
            found[path] = node.text, node.mark
        else:
            found.pop(path, None)
    return found


def _check_login(written: Node, site: Site, problems: list[Diagnostic]) -> None:
    method = written.find("auth", "method")
    if method is None or site.type is None:
        return
    logins = _ECR_LOGINS if site.type.creates_repositories else _BASIC_LOGINS
    token = written.find("auth", "sessionToken")
    partition = site.places[0].partition if site.places else None
    if method.value not in logins:
        summary = f"Palette has no login `{method.text}` for registries of type {site.type}"
        advice = f"it has {', '.join(logins[:-1])} and {logins[-1]}"
        problems.append(problem("RS141", method.mark, summary, advice=advice))
    elif method.value != AuthMethod.NONE and partition and partition not in _PARTITIONS:
        summary = f"Palette has no login for registries in partition {partition}"
        advice = f"it knows the partitions {', '.join(_PARTITIONS)}"
        problems.append(problem("RS141", method.mark, summary, advice=advice))
    elif token and partition and not partition.startswith("aws-iso"):
        summary = "Palette takes a session token in the partitions aws-iso and aws-iso-b only"
        advice = "give it the access key of a user, which does not run out, or a role (`method: sts`)"
        problems.append(problem("RS141", token.where, summary, advice=advice))


def _check_sync(spec: Node, written: Node, problems: list[Diagnostic]) -> None:
    switch, sync = spec.find("synchronization"), written.find("sync")
    if switch and sync and not switch.value:
        related = [(switch.where, "nothing is synchronized")]
        summary = "`palette.sync` has no meaning beside `synchronization: false`"
        problems.append(problem("RS129", sync.where, summary, related=related))


def _trust(spec: Node, written: Node, problems: list[Diagnostic]) -> tuple[Tls, dict[str, Json]]:
    """What Palette is to trust, and the settings that say so: those of `palette.tls`, else of `spec.tls`, whose client
    certificate and key are not Palette's."""
    endpoint, node = spec.find("endpoint"), written.find("tls")
    if node and endpoint and endpoint.text.startswith("http://"):
        _refuse_without_tls(node, "palette.tls", endpoint, problems)
    trusted = tls(node, problems)
    if written.lacks("tls") and (registry := spec.find("tls")):
        shared = {
            name: registry.fields[name] for name in ("caFile", "insecureSkipVerify") if registry.find(name)
        }
        node = replace(registry, value=shared)
        trusted = tls(node, [])  # it was judged as part of the registry
    ca = node.find("caFile") if node else None
    skip = node.find("insecureSkipVerify") if node else None
    settings: dict[str, Json] = {
        "certificate": (_certificates(ca, problems) if ca else None) or "",
        "insecureSkipVerify": skip is not None and bool(skip.value),
    }
    return trusted, settings


def _certificates(node: Node, problems: list[Diagnostic]) -> str | None:
    """The certificates in a file. Nothing else in it is ever sent: a key may stand beside them."""
    import ssl  # noqa: PLC0415 - 15 ms that most manifests do not need

    path = node.mark.file.absolute(node.text)
    if kind_of_path(path) != "file":
        return None  # which was reported with the rest of the trust
    shown = node.mark.file.show(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        found = "".join(f"{each}\n" for each in _CERTIFICATE.findall(text.replace("\r", "")))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError):
        flaw = f"{shown} holds no certificate in PEM, which Palette asks for"
    except OSError as error:
        flaw = f"cannot read {shown}: {error.strerror}"
    else:
        return found
    problems.append(problem("RS142", node.mark, flaw))
    return None


def _settings(spec: Node, site: Site, type_: RegistryType, login: Auth) -> dict[str, Json]:
    """The settings that all registrations of a registry have in common, by the names of `regsync.model.palette`. Those
    of Palette's form are always told, so that what is taken out of a manifest is taken out of Palette as well."""
    endpoint, place = spec.fields["endpoint"], site.places[0]
    synchronization = spec.find("synchronization")
    is_ecr = type_.creates_repositories
    settings: dict[str, Json] = {
        "type": "ecr" if is_ecr else "basic",
        "provider": spec.fields["provider"].text,
        "endpoint": place.shown,
        "synchronization": synchronization is None or bool(synchronization.value),
        "auth": login.method.value,
    }
    if has_macro(endpoint):
        default = spec.find("defaultRegion")
        settings |= {"endpoint": endpoint.text, "defaultRegion": default.text if default else place.region}
    if is_ecr:
        private = login.method is not AuthMethod.NONE
        settings["private"] = private
        if private:  # to Palette the partition is a part of the login
            settings["partition"] = place.partition
    else:
        settings["basePath"] = base_path(spec)
    return settings | _login(login)


def _login(login: Auth) -> dict[str, Json]:
    """What of a login can be compared: texts that are written out, and the versions of secrets."""
    fields = {
        "username": login.username,
        "password": login.password,
        "token": login.token,
        "accessKeyId": login.aws.access_key_id,
        "secretAccessKey": login.aws.secret_access_key,
        "sessionToken": login.aws.session_token,
        "roleArn": login.aws.role_arn,
        "externalId": login.aws.external_id,
    }
    found: dict[str, Json] = {}
    for name, value in fields.items():
        if not isinstance(value, SecretRef):
            found[name] = value
        elif value.version is not None:
            found[f"{name}.version"] = value.version
    return {name: value for name, value in found.items() if value is not None}


def _refuse_without_tls(trust: Node | None, name: str, endpoint: Node, problems: list[Diagnostic]) -> None:
    if trust:
        related = [(endpoint.mark, "the endpoint")]
        summary = f"`{name}` has no meaning for an endpoint of http://"
        problems.append(problem("RS129", trust.where, summary, related=related))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
