"""Where a registry is: endpoints, API base paths and base content paths, checked and normalised. Reaches nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from regsync.manifest.nodes import Mark, Node, kind_of_path, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.reference import is_repository
from regsync.model.registry import PACK_NAMESPACE, AwsPlace, Provider, RegistryType

_MACRO = re.compile(r"\{\{-?\s*\.spectro\.system\.aws\.region\s*-?\}\}")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_PORTS = {"https": 443, "http": 80}
# A layout directory holds one OCI image layout per repository; these are the names of a layout's own files.
# Harbor allows less in the name of a project than in that of a repository (its API, "projects").
_PROJECT = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_LAYOUT_FILES = ("blobs", "index.json", "oci-layout")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a live registry is, in the words of `RegistrySpec`."""

    endpoint: str
    shown: str
    region: str | None = None
    aws: AwsPlace | None = None
    namespace: str = ""

    @property
    def partition(self) -> str | None:
        """The part of AWS that it lies in."""
        return self.aws.partition if self.aws else None

    def of(self, path: str) -> str:
        """What stands for a path in this registry, equal for all spellings of the same one."""
        if self.aws:  # an account has hosts of several forms in a region
            return f"{self.aws.account or self.namespace}@{self.region}/{path}"
        if "://" not in self.endpoint:
            return os.path.realpath(Path(self.endpoint, path))
        url = urlsplit(self.endpoint)
        return f"{url.hostname}:{url.port or _PORTS[url.scheme]}/{path}"


def has_macro(node: Node) -> bool:
    """Whether a text holds the macro for the region."""
    return _MACRO.search(node.text) is not None


def in_region(text: str, region: str) -> str:
    """The text with the region in the place of its macro."""
    return _MACRO.sub(region, text)


def refuses_macro(node: Node, problems: list[Diagnostic]) -> bool:
    """Report a macro where there is no region for it."""
    if not has_macro(node):
        return False
    problems.append(problem("RS114", node.mark, "only registries of type ecr are rendered per region"))
    return True


def network_url(node: Node, field: str, problems: list[Diagnostic]) -> str | None:
    """`https://host[:port]` of what is written: lower case, https where no scheme stands, no port where it is the
    scheme's own."""
    text = node.text
    if refuses_macro(node, problems):
        return None
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        port = url.port
    except ValueError:
        problems.append(problem("RS121", node.mark, f"`{field}` is no URL"))
        return None
    if flaw := _flaw(url, field):
        problems.append(problem("RS121", node.mark, f"`{field}` {flaw[0]}", advice=flaw[1]))
        return None
    host = url.netloc.lower().removesuffix(f":{port}").removesuffix(":")
    return f"{url.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[url.scheme]) else "")


def _flaw(url: SplitResult, field: str) -> tuple[str, str | None] | None:
    """What is wrong with a URL, and what to do about it."""
    if url.scheme not in _PORTS:
        return f"has the scheme `{url.scheme}`", "write https://, or http:// for a registry without TLS"
    if "@" in url.netloc:
        return "holds a login", "put the login into auth, the password as {env: NAME} or {file: PATH}"
    if url.path.strip("/") or url.query or url.fragment:
        advice = (
            f"if content lives below `{url.path.strip('/')}`, that is a base content path (baseContentPaths); "
            f"if the API does, it is `basePath: {url.path}`"
        )
        if field != "spec.endpoint":
            advice = f"write `{url.scheme}://{url.netloc}`"
        return "holds more than scheme, host and port", advice
    host = url.netloc.lower()
    host = host.removesuffix(f":{url.port}").removesuffix(":")
    return None if _HOST.fullmatch(host) else ("names no host", None)


def base_path(spec: Node) -> str | None:
    """What stands before /v2, empty by default; None where it is not known."""
    node = spec.find("basePath")
    if node is None:
        return "" if spec.lacks("basePath") else None
    return f"/{node.text.strip('/')}".rstrip("/")


def layout_directory(node: Node, problems: list[Diagnostic]) -> tuple[str, str] | None:
    """The absolute directory of a layout registry, and how messages name it."""
    file = node.mark.file
    if refuses_macro(node, problems):
        return None
    if "://" in node.text:
        advice = "a registry with a URL is of type basic"
        problems.append(
            problem("RS121", node.mark, "`spec.endpoint` of a layout is a directory", advice=advice)
        )
        return None
    path = file.absolute(node.text)
    if kind_of_path(path) == "file":
        problems.append(problem("RS121", node.mark, f"{file.show(path)} is not a directory"))
        return None
    return str(path), file.show(path)


def is_base_content_path(path: str, provider: Provider | None) -> bool:
    """Whether repositories can lie beneath a path without slashes at its ends."""
    return is_repository(f"{path}/{provider.namespace if provider else ''}".rstrip("/"))


def base_content_paths(
    node: Node, type_: RegistryType | None, provider: Provider | None, problems: list[Diagnostic]
) -> dict[str, Mark]:
    """The paths that can be used, without slashes at the ends, each with its position."""
    packs = provider is Provider.PACK
    written: dict[str, Mark] = {}
    usable: dict[str, Mark] = {}
    for each in node.each:
        path = each.text.strip("/")
        parts = path.split("/")
        if path in written:
            related = [(written[path], "first written here")]
            problems.append(problem("RS122", each.mark, f"`{path}` is written twice", related=related))
        elif packs and f"/{PACK_NAMESPACE}/" in f"/{path}/":
            advice = f"leave `{PACK_NAMESPACE}` out: regsync and Palette append it"
            problems.append(problem("RS122", each.mark, f"`{path}` holds `{PACK_NAMESPACE}`", advice=advice))
        elif not is_base_content_path(path, provider):
            advice = (
                "lower-case letters and digits, separated by `.`, `_`, `-` and `/`; 230 characters at most"
            )
            problems.append(
                problem("RS122", each.mark, f"`{each.text}` is no repository path", advice=advice)
            )
        elif type_ is RegistryType.HARBOR and not _PROJECT.fullmatch(parts[0]):
            advice = "lower-case letters and digits, separated by one `.`, `_` or `-` at a time"
            summary = f"`{parts[0]}` is no name for a project of Harbor, which `{path}` begins with"
            problems.append(problem("RS122", each.mark, summary, advice=advice))
        elif type_ is RegistryType.LAYOUT and (own := [part for part in parts if part in _LAYOUT_FILES]):
            problems.append(
                problem("RS122", each.mark, f"`{own[0]}` is the name of a part of every image layout")
            )
        else:
            usable[path] = each.mark
            if packs and "spectro-packs" in parts:
                advice = f"regsync appends `{PACK_NAMESPACE}`; mostly `spectro-packs` is to be left out"
                summary = f"`{path}` is named like what regsync appends"
                problems.append(problem("RS131", each.mark, summary, advice=advice))
        written.setdefault(path, each.mark)
    return usable
