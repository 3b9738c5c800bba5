"""ECR's images as AWS serves them: every page, each id looked up, tags that are removed one by one.

Keeps nothing but OCI manifests that it has read; what is in a repository, ministack knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.aws_errors import Document, Refused, ask, invalid
from tests.support.ministack import MinistackServer, Scope

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
UNTAGGED = "what holds a tag while it is removed"
FAILURES = {
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    "ImageTagDoesNotMatchDigest": "Requested image tag does not belong to the requested image digest",
    "ImageNotFound": "Requested image not found",
    "ImageReferencedByManifestList": "Requested image referenced by manifest list",
}


@dataclass(frozen=True, slots=True)
class Image:
    """One OCI manifest in a repository with its tags, in the order they came."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    media_type: str

    @property
    def ids(self) -> list[dict[str, str]]:
        """As ListImages names it: once for each tag."""
        tagged = [{"imageDigest": self.digest, "imageTag": tag} for tag in self.tags]
        return tagged or [{"imageDigest": self.digest}]


class Images:
    """The actions of ECR's API that concern images."""

    def __init__(self, ministack: MinistackServer) -> None:
        self._ministack = ministack
        self._read: dict[str, str] = {}
        self.actions = {
            "BatchDeleteImage": self._batch_delete,
            "BatchGetImage": self._batch_get,
            "DescribeImages": self._describe,
            "ListImages": self._list,
        }

    def of(self, scope: Scope, name: str) -> list[Image]:
        """All images of a repository, in the order they came."""
        details = ask(self._ministack, scope, "DescribeImages", {"repositoryName": name})["imageDetails"]
        return [
            Image(
                each["imageDigest"],
                tuple(each["imageTags"]),
                each["imagePushedAt"],
                each["imageManifestMediaType"],
            )
            for each in details
        ]

    def forget(self, scope: Scope, name: str) -> None:
        """Remove all images of a repository and their blobs, which ministack keeps for the next of that name."""
        images = self.of(scope, name)
        manifests = self._manifests(scope, name, images)
        for image in images:
            self._remove(scope, name, image.digest)
            for blob in blobs_of(manifests[image.digest]):
                self._ministack.v2(scope, "DELETE", f"/v2/{name}/blobs/{blob}")

    def _describe(self, scope: Scope, parameters: Document) -> Document:
        name = parameters["repositoryName"]
        images = self.of(scope, name)
        if ids := parameters.get("imageIds"):
            check_batch("imageIds", ids, parameters)
            found = [self._found(scope, name, images, each) for each in ids]
            images, more = list(dict.fromkeys(found)), Document()
        else:
            images, more = page(parameters, [each for each in images if wanted(each.tags, parameters)])
        manifests = self._manifests(scope, name, images)
        details = [self._detail(scope, name, each, manifests[each.digest]) for each in images]
        return {"imageDetails": details, **more}

    def _detail(self, scope: Scope, name: str, image: Image, manifest: Document) -> Document:
        parts = [*manifest.get("layers", ()), manifest.get("config", {})]
        tags = {"imageTags": image.tags} if image.tags else {}
        return {
            "registryId": scope.account,
            "repositoryName": name,
            "imageDigest": image.digest,
            **tags,
            "imageSizeInBytes": sum(each.get("size", 0) for each in parts),
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": manifest.get("config", {}).get("mediaType", image.media_type),
            "imageStatus": "ACTIVE",
        }

    def _found(self, scope: Scope, name: str, images: Iterable[Image], asked: Document) -> Image:
        found = find(images, asked)
        if isinstance(found, Image):
            return found
        digest, tag = (asked.get(key, "null") for key in ("imageDigest", "imageTag"))
        which = f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"
        where = f"the repository with name '{name}' in the registry with id '{scope.account}'"
        message = f"The image with imageId {which} does not exist within {where}"
        raise Refused("ImageNotFoundException", message)

    def _list(self, scope: Scope, parameters: Document) -> Document:
        images = self.of(scope, parameters["repositoryName"])
        ids = [each for image in images if wanted(image.tags, parameters) for each in image.ids]
        chosen, more = page(parameters, ids)
        return {"imageIds": chosen, **more}

    def _batch_get(self, scope: Scope, parameters: Document) -> Document:
        check_batch("imageIds", parameters["imageIds"], {})
        name = parameters["repositoryName"]
        images = self.of(scope, name)
        found, failures = [], []
        for asked in parameters["imageIds"]:
            image = find(images, asked)
            if isinstance(image, Image):
                raw = self._texts(scope, name, [image])[image.digest]
                shown = {"imageId": asked | {"imageDigest": image.digest}, "imageManifest": raw}
                kind = {"imageManifestMediaType": image.media_type}
                found.append({"registryId": scope.account, "repositoryName": name, **shown, **kind})
            else:
                failures.append(failure(asked, image))
        return {"images": found, "failures": failures}

    def _batch_delete(self, scope: Scope, parameters: Document) -> Document:
        check_batch("imageIds", parameters["imageIds"], {})
        name = parameters["repositoryName"]
        deleted, failures = [], []
        for asked in parameters["imageIds"]:
            images = self.of(scope, name)
            image = find(images, asked)
            if isinstance(image, str):
                failures.append(failure(asked, image))
            elif "imageTag" in asked and len(image.tags) > 1:
                self._untag(scope, name, asked["imageTag"])
                deleted.append(asked | {"imageDigest": image.digest})
            elif self._is_listed(scope, name, images, image):
                failures.append(failure(asked, "ImageReferencedByManifestList"))
            else:
                self._remove(scope, name, image.digest)
                deleted += image.ids
        return {"imageIds": deleted, "failures": failures}

    def _is_listed(self, scope: Scope, name: str, images: Sequence[Image], image: Image) -> bool:
        manifests = self._manifests(scope, name, images).values()
        return any(image.digest in children_of(each) for each in manifests)

    def _untag(self, scope: Scope, name: str, tag: str) -> None:
        """Take a tag away by moving it to another image, made for that and deleted at once."""
        moved = {"repositoryName": name, "imageManifest": UNTAGGED, "imageTag": tag}
        ask(self._ministack, scope, "PutImage", moved)
        self._remove(scope, name, digest_of(UNTAGGED.encode()))

    def _remove(self, scope: Scope, name: str, digest: str) -> None:
        """Remove an image and the bytes of its manifest, which ministack would serve on."""
        image = {"repositoryName": name, "imageIds": [{"imageDigest": digest}]}
        ask(self._ministack, scope, "BatchDeleteImage", image)
        self._ministack.v2(scope, "DELETE", f"/v2/{name}/manifests/{digest}")

    def _manifests(self, scope: Scope, name: str, images: Iterable[Image]) -> Document:
        return {digest: json.loads(text) for digest, text in self._texts(scope, name, images).items()}

    def _texts(self, scope: Scope, name: str, images: Iterable[Image]) -> dict[str, str]:
        """The OCI manifests of images, by digest; each is read once."""
        digests = [each.digest for each in images]
        if unread := [{"imageDigest": each} for each in digests if each not in self._read]:
            asked = {"repositoryName": name, "imageIds": unread}
            answer = ask(self._ministack, scope, "BatchGetImage", asked)
            self._read |= {each["imageId"]["imageDigest"]: each["imageManifest"] for each in answer["images"]}
        return {each: self._read[each] for each in digests}


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def blobs_of(manifest: Document) -> list[str]:
    """The digests of the blobs that an image manifest names, its config first."""
    parts = [*([manifest["config"]] if "config" in manifest else []), *manifest.get("layers", ())]
    return [each["digest"] for each in parts]


def children_of(manifest: Document) -> list[str]:
    """The digests of the manifests that an image index names."""
    return [each["digest"] for each in manifest.get("manifests", ())]


def wanted(tags: Sequence[str], parameters: Document) -> bool:
    """Whether the filter of a request lets an image with these tags through."""
    status: str = parameters.get("filter", {}).get("tagStatus", "ANY")
    return status == "ANY" or (status == "TAGGED") == bool(tags)


def find(images: Iterable[Image], asked: Document) -> Image | str:
    """The image that an image id means, or the code of what is wrong with it."""
    digest, tag = asked.get("imageDigest"), asked.get("imageTag")
    if not digest and not tag:
        return "MissingDigestAndTag"
    if digest and not DIGEST.fullmatch(digest):
        return "InvalidImageDigest"
    for image in images:
        if digest == image.digest:
            return image if tag is None or tag in image.tags else "ImageTagDoesNotMatchDigest"
        if digest is None and tag in image.tags:
            return image
    return "ImageNotFound"


def failure(asked: Document, code: str) -> Document:
    return {"imageId": asked, "failureCode": code, "failureReason": FAILURES[code]}


def check_batch(parameter: str, asked: Sequence[object], others: Document) -> None:
    """Refuse more than 100 ids at once, and ids together with paging."""
    if len(asked) > 100:
        raise invalid(parameter, "Member must have length less than or equal to 100")
    for each in ("maxResults", "nextToken"):
        if each in others:
            raise invalid(each, f"must not be used together with '{parameter}'")


def page(parameters: Document, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """One page of a list, and the token of the next where there is one."""
    size = parameters.get("maxResults", 100)
    if not 1 <= size <= 1000:
        bound = "less than or equal to 1000" if size > 1000 else "greater than or equal to 1"
        raise invalid("maxResults", f"Member must have value {bound}")
    try:
        start = int(base64.b64decode(parameters.get("nextToken", "MA=="), validate=True))
    except ValueError:
        raise invalid("nextToken", "Invalid token") from None
    end = start + size
    more = {"nextToken": base64.b64encode(b"%012d" % end).decode()} if end < len(items) else {}
    return list(items[start:end]), more
