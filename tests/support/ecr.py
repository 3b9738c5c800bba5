"""A project whose manifest speaks of Amazon ECR in two regions, and what AWS tells of it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.aws import Aws, Call
from tests.support.aws_images import digest_of
from tests.support.aws_wire import CONFIG, Wire, image
from tests.support.ministack import Scope
from tests.support.team import VERSION, Team

HOME, AWAY = "us-east-1", "eu-west-1"
"""The default region, and the other one."""
MANY = 1000
LOOKS = ("Assume", "BatchCheck", "BatchGet", "Describe", "Get", "List")
PLAN = "plan.json"

LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
            "action": {"type": "expire"},
        }
    ]
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
}


class EcrTeam(Team):
    """Syncs its packs to the private registries of an account, in HOME and AWAY where no other regions are given.

    It connects to the test suite's AWS, and with `connectTo=None` to what the registries' names lead to.
    """

    def __init__(self, root: Path, aws: Aws, base: str = "team", **spec: Any) -> None:
        self.aws = aws
        at = {"type": "ecr", "regions": [HOME, AWAY], "connectTo": aws.url}
        said = {field: value for field, value in {**at, **spec}.items() if value is not None}
        super().__init__(root, aws.host("{{ .spectro.system.aws.region }}"), base, **said)

    def write_policies(self, lifecycle: object = LIFECYCLE, policy: object = POLICY) -> dict[str, str]:
        """Write the documents of policies beside the manifest, and return the fields of `repositories` that name them."""
        fields = {"lifecyclePolicyFile": "lifecycle.json", "policyFile": "policy.json"}
        for name, document in zip(fields.values(), (lifecycle, policy), strict=True):
            self.write(f"registries/{name}", json.dumps(document))
        return fields

    def at(self, region: str, name: str, version: str | None = VERSION) -> str:
        """The address of a pack in a region; without a version, that of its repository."""
        return f"{self.name}@{region}/{self.tag(name, version) if version else self.repository(name)}"

    def planned(self, *options: str) -> dict[str, Any]:
        """The plan as a document, which stands in the file PLAN now."""
        self.plan("--out", PLAN, *options)
        document: dict[str, Any] = json.loads((self.root / PLAN).read_bytes())
        return document

    def changes(self, *options: str) -> dict[str, dict[str, Any]]:
        """By address all that the plan would change or that is blocked."""
        every = self.planned(*options)["resource_changes"]
        return {each["address"]: each for each in every if each["change"]["actions"] != ["no-op"]}

    def live(self, region: str = HOME) -> dict[str, str]:
        """The digest of every tag beneath the base path, by `repository:tag`."""
        client = self.aws.client(region=region)
        every = client.describe_repositories(maxResults=MANY)["repositories"]
        names = [each["repositoryName"] for each in every if each["repositoryName"].startswith(self.base)]
        return {
            f"{name}:{tag}": image["imageDigest"]
            for name in names
            for image in client.describe_images(repositoryName=name, maxResults=MANY)["imageDetails"]
            for tag in image.get("imageTags", ())
        }

    def push_by_hand(self, name: str, region: str = HOME) -> str:
        """Push a pack as GNU tar packs it, without any mark, into a new repository; return the digest."""
        folder, repository = f"{name}-{VERSION}", self.repository(name)
        tar = ["tar", "-cz", "-C", str(self.root / "packs"), folder]
        layer = subprocess.run(tar, capture_output=True, check=True).stdout
        manifest = image(layer).replace(b"layer.tar", f"{folder}.tar.gz".encode())
        self.aws.client(region=region).create_repository(repositoryName=repository)
        with Wire(self.aws, region) as wire:
            for blob in (CONFIG, layer):
                assert wire.upload(repository, blob).status_code == 201
            assert wire.put(repository, VERSION, manifest).status_code == 201
        return digest_of(manifest)


class Hand:
    """Somebody who changes repositories behind regsync's back, in one region."""

    def __init__(self, team: EcrTeam, region: str) -> None:
        self._team, self._region = team, region
        self._client = team.aws.client(region=region)

    def mutability(self, pack: str, mode: str, *exclusions: str) -> None:
        filters = [{"filterType": "WILDCARD", "filter": each} for each in exclusions]
        excluding = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
        self("put_image_tag_mutability", pack, imageTagMutability=mode, **excluding)

    def scanning(self, pack: str, on: bool) -> None:
        self("put_image_scanning_configuration", pack, imageScanningConfiguration={"scanOnPush": on})

    def tag(self, pack: str, **tags: str) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._client.tag_resource(resourceArn=self._arn(pack), tags=pairs)

    def untag(self, pack: str, *keys: str) -> None:
        self._client.untag_resource(resourceArn=self._arn(pack), tagKeys=keys)

    def lifecycle(self, pack: str, policy: object) -> None:
        self("put_lifecycle_policy", pack, lifecyclePolicyText=json.dumps(policy))

    def policy(self, pack: str, policy: object) -> None:
        self("set_repository_policy", pack, policyText=json.dumps(policy))

    def __call__(self, operation: str, pack: str, **parameters: Any) -> None:
        getattr(self._client, operation)(repositoryName=self._team.repository(pack), **parameters)

    def _arn(self, pack: str) -> str:
        return Scope(self._team.aws.account, self._region).arn(self._team.repository(pack))


def actions(calls: Iterable[Call]) -> Counter[str]:
    """How often each action was asked for; `/v2/` itself is none."""
    return Counter(each.action for each in calls if each.action)


def writes(calls: Iterable[Call]) -> list[Call]:
    """The calls that change something, if they are let."""
    return [each for each in calls if each.action and not each.action.startswith(LOOKS)]
