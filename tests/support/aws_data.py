"""ECR's /v2 as AWS serves it: no overwrite of an immutable tag, no manifest without its blobs, layers from S3, pages.

What is in a repository, ministack knows; who may ask, the door knows.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.support.aws_bucket import Bucket
from tests.support.aws_errors import Document, Refused, about_repository, ask, invalid
from tests.support.aws_images import (
    DIGEST,
    TAG,
    Image,
    Images,
    blobs_of,
    children_of,
    digest_of,
    find,
    page,
)
from tests.support.aws_repositories import ALL, Repositories
from tests.support.loopback import Fields
from tests.support.ministack import MinistackServer, Raw, Scope

PATH = re.compile(r"/v2/(.+)/(manifests|blobs/uploads|blobs|tags|referrers)/(.*)")
EMPTY = digest_of(b"")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the host name it is for, its path with query, its headers by lower-case name, its body, and whether
    it came as to a proxy."""

    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes
    proxied: bool

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


class DataPlane:
    """Serves /v2 of every registry; `bucket` is where layers are fetched."""

    def __init__(self, ministack: MinistackServer, images: Images, repositories: Repositories) -> None:
        self.bucket = Bucket(ministack)
        self._ministack = ministack
        self._images = images
        self._repositories = repositories

    def serve(self, scope: Scope, asked: Asked) -> Raw:
        """Answer one request of a caller who may make it."""
        if asked.path == "/v2/_catalog":
            answer = ask(self._ministack, scope, "DescribeRepositories", {"maxResults": ALL})
            names = [each["repositoryName"] for each in answer["repositories"]]
            return paged(asked, {}, "repositories", names)
        found = PATH.fullmatch(asked.path)
        if found is None:
            return self._pass(scope, asked, asked.target)
        name, what, reference = found[1], found[2], unquote(found[3])
        if what == "tags":
            tags = [tag for image in self._images.of(scope, name) for tag in image.tags]
            return paged(asked, {"name": name}, "tags", tags)
        if what == "manifests":
            check_reference(reference)
            if asked.method == "PUT":
                self._check_push(scope, name, reference, asked.body)
        elif what == "blobs" and asked.method == "GET":
            if not self._is_there(scope, f"/v2/{name}/blobs/{reference}"):
                return self._pass(scope, asked, asked.target)
            location = self.bucket.address(scope, name, reference, proxied=asked.proxied)
            return Raw(307, [("Location", location)], b"")
        elif what == "blobs/uploads":
            return self._upload(scope, name, reference, asked)
        return self._pass(scope, asked, asked.target)

    def put_image(self, scope: Scope, parameters: Document) -> Document:
        """Answer PutImage: a push of a manifest without /v2."""
        name, tag = parameters["repositoryName"], parameters.get("imageTag")
        text = parameters["imageManifest"]
        data = text.encode()
        digest = digest_of(data)
        live = find(self._images.of(scope, name), {"imageTag": tag}) if tag else None
        if isinstance(live, Image) and live.digest == digest:
            where = f"repository with name '{name}' in registry with id '{scope.account}'"
            message = f"Image with digest '{digest}' and tag '{tag}' already exists in the {where}"
            raise Refused("ImageAlreadyExistsException", message)
        for reference in {parameters.get("imageDigest", digest), tag or digest}:
            self._check_push(scope, name, reference, data)
        kind = parameters.get("imageManifestMediaType") or json.loads(text)["mediaType"]
        self._ministack.v2(scope, "PUT", f"/v2/{name}/manifests/{tag or digest}", data, kind)
        image = {"imageDigest": digest, **({"imageTag": tag} if tag else {})}
        shown = {"imageManifest": text, "imageManifestMediaType": kind}
        return {"image": {"registryId": scope.account, "repositoryName": name, "imageId": image, **shown}}

    def _check_push(self, scope: Scope, name: str, reference: str, data: bytes) -> None:
        """Refuse an OCI manifest that is none, is another than its digest says, would move an immutable tag, or names
        what is not in the repository."""
        self._repositories.check_there(scope, name)
        manifest = parsed(data)
        where = f"repository with name '{name}' in the registry with id '{scope.account}'"
        if not DIGEST.fullmatch(reference):
            self._repositories.check_overwrite(scope, name, reference)
        elif reference != digest_of(data):
            message = (
                f"The image with digest '{reference}' in {where} does not match the image digest"
                " that Amazon ECR has calculated."
            )
            raise Refused("ImageDigestDoesNotMatchException", message)
        for code, noun, kind, digests in (
            ("LayersNotFoundException", "Layers", "blobs", blobs_of(manifest)),
            ("ReferencedImagesNotFoundException", "Images", "manifests", children_of(manifest)),
        ):
            missing = [each for each in digests if not self._is_there(scope, f"/v2/{name}/{kind}/{each}")]
            if missing:
                what = f"{noun} with digests '[{', '.join(missing)}]'"
                raise Refused(code, f"{what} required for pushing image into {where} do not exist")

    def _is_there(self, scope: Scope, path: str) -> bool:
        return self._ministack.v2(scope, "HEAD", path).status == 200

    def _upload(self, scope: Scope, name: str, session: str, asked: Asked) -> Raw:
        query = asked.query
        if asked.method == "PUT" and query.get("digest") == EMPTY:
            message = (
                f"The upload with id '{session}' in the repository with name '{name}' in registry with id"
                f" '{scope.account}' cannot be completed because it does not have any parts."
            )
            raise Refused("BLOB_UPLOAD_INVALID", message)
        # No blob is mounted from another repository unless the account asks ECR to do so.
        kept = {key: value for key, value in query.items() if key not in {"mount", "from"}}
        return self._pass(scope, asked, f"{asked.path}?{urlencode(kept)}")

    def _pass(self, scope: Scope, asked: Asked, target: str) -> Raw:
        """Ask ministack, and put right what AWS says otherwise: the words for a missing repository, whole locations."""
        kind = asked.headers.get("content-type")
        answer = self._ministack.v2(scope, asked.method, target, asked.body, kind)
        found = PATH.fullmatch(asked.path)
        if found and b"NAME_UNKNOWN" in answer.body:
            raise about_repository("RepositoryNotFoundException", scope, found[1])
        headers = [
            (name, f"https://{asked.host}{value}" if name == "Location" else value)
            for name, value in answer.headers
            if name != "Docker-Upload-UUID"
        ]
        return Raw(answer.status, headers, answer.body)


def parsed(data: bytes) -> Document:
    """An OCI manifest as it is pushed; refuses what is none."""
    try:
        manifest: Document = json.loads(data)
        if manifest["schemaVersion"] == 2:
            return manifest
    except (ValueError, TypeError, KeyError):
        pass
    raise Refused("MANIFEST_INVALID", "Invalid parameter at 'imageManifest': not an OCI manifest")


def check_reference(reference: str) -> None:
    """Refuse what is neither a tag nor a digest."""
    if not DIGEST.fullmatch(reference) and not TAG.fullmatch(reference):
        raise Refused("TAG_INVALID", f"The image tag '{reference}' is invalid")


def paged(asked: Asked, rest: Document, key: str, items: list[str]) -> Raw:
    """One page of a list; the Link to the next names the whole address and hides how far the list was read."""
    query = asked.query
    try:
        parameters = {"maxResults": int(query.get("n", 100))}
        parameters |= json.loads(bytes.fromhex(query.get("last", "7b7d")))
    except ValueError:
        raise invalid("maxResults", "must be a number, and 'last' be taken from the Link") from None
    chosen, more = page(parameters, items)
    headers: Fields = [("Docker-Distribution-Api-Version", "registry/2.0"), ("Content-Type", "text/plain")]
    if more:
        last = json.dumps(parameters | more).encode().hex()
        headers = [*headers, ("Link", f'<https://{asked.host}{asked.path}?last={last}>; rel="next"')]
    return Raw(200, headers, json.dumps({**rest, key: chosen}).encode())
