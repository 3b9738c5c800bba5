"""Where a registry is: endpoints, API base paths and base content paths, checked and normalised. Reaches nothing."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from regsync.manifest.nodes import Mark, Node, kind_of_path, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.reference import is_repository
from regsync.model.registry import PACK_NAMESPACE, RegistryType

REGION_MACRO = "{{.spectro.system.aws.region}}"
"""Palette's macro for the region that a cluster is deployed to."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_PORTS = {"https": 443, "http": 80}
# Hosts of private ECR: also FIPS, dual-stack and the other partitions (Amazon ECR's table of endpoints).
_ECR = re.compile(
    r"(?P<account>[^.]*)\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|amazonaws\.eu|on\.aws"
    r"|on\.amazonwebservices\.com\.cn|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
# A layout directory holds one OCI image layout per repository; these are the names of a layout's own files.
_LAYOUT_FILES = ("blobs", "index.json", "oci-layout")


def network_url(node: Node, field: str, problems: list[Diagnostic]) -> str | None:
    """`https://host[:port]` of what is written: lower case, https where no scheme stands, no port where it is the
    scheme's own."""
    text = node.text
    if _macro(node, problems):
        return None
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        port = url.port
    except ValueError:
        problems.append(problem("RS121", node.mark, f"`{field}` is no URL"))
        return None
    if flaw := _flaw(url):
        problems.append(problem("RS121", node.mark, f"`{field}` {flaw[0]}", advice=flaw[1]))
        return None
    host = url.netloc.lower().removesuffix(f":{port}").removesuffix(":")
    return f"{url.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[url.scheme]) else "")


def _flaw(url: SplitResult) -> tuple[str, str | None] | None:
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
        return "holds more than scheme, host and port", advice
    host = url.netloc.lower()
    host = host.removesuffix(f":{url.port}").removesuffix(":")
    return None if _HOST.fullmatch(host) else ("names no host", None)


def _macro(node: Node, problems: list[Diagnostic]) -> bool:
    if REGION_MACRO not in node.text:
        return False
    problems.append(problem("RS114", node.mark, "only registries of type ecr are rendered per region"))
    return True


def layout_directory(node: Node, problems: list[Diagnostic]) -> tuple[str, str] | None:
    """The absolute directory of a layout registry, and how messages name it."""
    file = node.mark.file
    if _macro(node, problems):
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


def check_ecr_host(node: Node, problems: list[Diagnostic]) -> None:
    """Report what is wrong with the host of a private ECR registry, the region possibly a macro."""
    text = node.text
    match = _ECR.fullmatch(text.replace(REGION_MACRO, "us-east-1").lower())
    if not match:
        advice = "the form is <account>.dkr.ecr.<region>.amazonaws.com"
        problems.append(problem("RS121", node.mark, f"`{text}` is no host of Amazon ECR", advice=advice))
    elif not re.fullmatch(r"[0-9]{12}", match["account"]):
        problems.append(
            problem("RS121", node.mark, f"`{match['account']}` is no AWS account: it has 12 digits")
        )


def base_content_paths(node: Node, type_: RegistryType | None, problems: list[Diagnostic]) -> dict[str, Mark]:
    """The paths that can be used, without slashes at the ends, each with its position."""
    written: dict[str, Mark] = {}
    usable: dict[str, Mark] = {}
    for each in node.each:
        path = each.text.strip("/")
        parts = path.split("/")
        if path in written:
            related = [(written[path], "first written here")]
            problems.append(problem("RS122", each.mark, f"`{path}` is written twice", related=related))
        elif f"/{PACK_NAMESPACE}/" in f"/{path}/":
            advice = f"leave `{PACK_NAMESPACE}` out: regsync and Palette append it"
            problems.append(problem("RS122", each.mark, f"`{path}` holds `{PACK_NAMESPACE}`", advice=advice))
        elif not is_repository(f"{path}/{PACK_NAMESPACE}"):
            advice = (
                "lower-case letters and digits, separated by `.`, `_`, `-` and `/`; 230 characters at most"
            )
            problems.append(
                problem("RS122", each.mark, f"`{each.text}` is no repository path", advice=advice)
            )
        elif type_ is RegistryType.LAYOUT and (own := [part for part in parts if part in _LAYOUT_FILES]):
            problems.append(
                problem("RS122", each.mark, f"`{own[0]}` is the name of a part of every image layout")
            )
        else:
            usable[path] = each.mark
            if "spectro-packs" in parts:
                advice = f"regsync appends `{PACK_NAMESPACE}`; mostly `spectro-packs` is to be left out"
                summary = f"`{path}` is named like what regsync appends"
                problems.append(problem("RS131", each.mark, summary, advice=advice))
        written.setdefault(path, each.mark)
    return usable
