"""The promises where one document is many live registries, and their repositories have settings of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from regsync.cli.status import outcome_status
from regsync.model.errors import RegistryError, Unreachable
from regsync.model.outcome import Outcome, Status
from regsync.model.parity import Standing, parity
from regsync.model.plan import Action, Cause, Plan, Reason, ResourceType
from regsync.run.apply import Stop
from regsync.run.replication import Patience
from tests.support.world import Packs, RegionalWorld, a_request

REGIONS = ("us-east-1", "ap-south-1", "eu-west-1")
NGINX, REDIS = ("nginx", "1.0.0"), ("redis", "7.2.1")
ARCHIVE = "team/spectro-packs/archive"
EXAMPLES = settings(max_examples=40)

TEXTS = st.sampled_from(["replicas: 1\n", "replicas: 3\n"])
PACKS = st.dictionaries(st.sampled_from([NGINX, REDIS, ("nginx", "1.10")]), TEXTS, min_size=1, max_size=3)
SETTINGS = st.fixed_dictionaries({}, optional={"scanOnPush": st.booleans(), "tags": st.just({"team": "a"})})
MUTABILITY = st.sampled_from([{}, {"tagMutability": "MUTABLE"}, {"tagMutability": "IMMUTABLE"}])
OWNERS = st.sampled_from(["platform", "data"])
HELD = st.dictionaries(st.sampled_from(REGIONS), st.tuples(PACKS, OWNERS, SETTINGS, MUTABILITY))
"""What regions hold before, each from one owner."""


@contextmanager
def a_world(
    held: Mapping[str, tuple[Packs, str, object, object]], replicated: bool
) -> Iterator[RegionalWorld]:
    with TemporaryDirectory() as folder:
        world = RegionalWorld(Path(folder), replicated=replicated)
        for region, (packs, owner, written, mutability) in held.items():
            world.declare(packs, owner=owner, regions=[region], repositories={**written, **mutability})  # type: ignore[dict-item]
            world.apply(owner)
        yield world


def open_changes(plan: Plan) -> list[str]:
    return [f"{each.action} {each.address}" for each in plan.changes if each.action.writes]


def digests(plan: Plan) -> dict[tuple[str, str | None], set[object]]:
    """Under which digests each artifact is live as it is wanted, whatever the region."""
    found: dict[tuple[str, str | None], set[object]] = {}
    for each in plan.changes:
        if each.type is ResourceType.ARTIFACT and each.action is Action.NO_OP and each.before:
            found.setdefault((each.address.path, each.address.tag), set()).add(each.before["digest"])
    return found


@EXAMPLES
@given(HELD, PACKS, SETTINGS, st.sampled_from(["never", "allow"]), st.booleans())
def test_after_an_apply_nothing_is_left_to_write_and_digests_agree(
    held: dict[str, tuple[Packs, str, object, object]],
    packs: Packs,
    written: dict[str, object],
    overwrite: str,
    replicated: bool,
) -> None:
    with a_world(held, replicated) as world:
        repositories = {**written, **({"replicated": True} if replicated else {})}
        world.declare(packs, policy={"overwrite": overwrite}, repositories=repositories)
        before, tags = world.plan(), world.tags()
        outcome = world.apply()
        assert {each.status for each in outcome.results} <= {Status.APPLIED, Status.REFUSED}
        after = world.plan()
        assert open_changes(after) == []
        for place, found in digests(after).items():
            known = digests(before).get(place, set())
            assert known <= found
            assert len(found) <= max(1, len(known))
        if overwrite == "never":
            assert world.tags().items() >= tags.items()


@EXAMPLES
@given(PACKS, st.permutations(REGIONS), st.booleans())
def test_region_by_region_leads_to_the_same_as_all_at_once(
    packs: Packs, order: list[str], replicated: bool
) -> None:
    with a_world({}, replicated) as world:
        world.declare(packs)
        for region in order:
            world.apply("platform", f"platform@{region}/*")
        world.apply()
        plan = world.plan()
        assert open_changes(plan) == []
        assert {len(each) for each in digests(plan).values()} == {1}
        assert [row for table in parity(plan) for row in table.uneven] == []


@EXAMPLES
@given(HELD, PACKS, st.sampled_from(REGIONS), st.booleans())
def test_a_region_that_cannot_be_read_fails_alone(
    held: dict[str, tuple[Packs, str, object, object]], packs: Packs, failing: str, replicated: bool
) -> None:
    with a_world(held, replicated) as world:
        world.declare(packs)
        sound = {each.address: each.action for each in world.plan().changes}

        def fault(operation: str, repository: str, reference: str) -> None:
            raise Unreachable("connection refused")

        world.regions[failing].fault = fault
        plan = world.plan()
        assert plan.errored
        for change in plan.changes:
            assert change.address.registry != f"platform@{failing}"
            if change.action.writes:
                assert sound[change.address] is change.action


@EXAMPLES
@given(HELD, PACKS, SETTINGS, st.sampled_from(REGIONS), st.booleans())
def test_a_plan_that_was_carried_out_in_part_is_resumed_with_the_same_file(
    held: dict[str, tuple[Packs, str, object, object]],
    packs: Packs,
    written: dict[str, object],
    first: str,
    replicated: bool,
) -> None:
    with a_world(held, replicated) as world:
        world.declare(packs, repositories={**written, **({"replicated": True} if replicated else {})})
        approved = world.plan()
        stuck = {each.address for each in approved.changes if each.action is Action.BLOCKED}
        world.apply("platform", f"platform@{first}/*")
        outcome = world.apply_saved(approved)
        assert {each.change.address for each in outcome.results if each.status is Status.REFUSED} == stuck
        assert {each.status for each in outcome.results} <= {Status.APPLIED, Status.ALREADY, Status.REFUSED}
        assert open_changes(world.plan()) == []


def test_planning_never_writes_in_any_region(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"}, repositories={"scanOnPush": True})
    asked: list[str] = []
    for region in world.regions.values():
        region.fault = lambda operation, *_: asked.append(operation)
    assert world.plan().has_changes
    assert not {each for each in asked if each.startswith(("put", "delete", "create", "update"))}


def test_a_tag_that_is_gone_in_one_region_is_one_create_in_that_region(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n", REDIS: "b: 1\n"})
    world.apply()
    tags = world.tags()
    there = f"{ARCHIVE}/nginx"
    world.regions["eu-west-1"].delete_tag(there, "1.0.0", tags[f"eu-west-1/{there}:1.0.0"])
    plan = world.plan()
    assert open_changes(plan) == [f"create platform@eu-west-1/{there}:1.0.0"]
    assert [row.standings["eu-west-1"] for table in parity(plan) for row in table.uneven] == [
        Standing.MISSING
    ]
    world.apply()
    assert world.tags() == tags


def test_a_setting_that_was_changed_behind_our_back_is_drift_and_healed(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"}, repositories={"scanOnPush": True})
    world.apply()
    world.regions["eu-west-1"].created[f"{ARCHIVE}/nginx"].settings["scanOnPush"] = False
    (change,) = [each for each in world.plan().changes if each.action is not Action.NO_OP]
    assert (change.action, change.cause) == (Action.UPDATE, Cause.DRIFT)
    world.apply()
    assert open_changes(world.plan()) == []


def test_whose_a_repository_is_is_asked_only_before_its_settings_are_changed(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(
        {NGINX: "a: 1\n", REDIS: "b: 1\n"}, regions=["us-east-1"], repositories={"scanOnPush": True}
    )
    world.apply()
    region = world.regions["us-east-1"]
    asked: list[tuple[str, str]] = []
    region.fault = lambda operation, repository, _: asked.append((operation, repository))
    world.plan()
    assert [each for each in asked if each[0] == "marks"] == []
    region.created[f"{ARCHIVE}/nginx"].settings["scanOnPush"] = False
    world.plan()
    assert [each for each in asked if each[0] == "marks"] == [("marks", f"{ARCHIVE}/nginx")]


def test_an_immutable_tag_whose_pack_changed_is_blocked_with_what_changes(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"}, repositories={"tagMutability": "IMMUTABLE"})
    world.apply()
    world.declare({NGINX: "a: 2\n"}, policy={"overwrite": "allow"})
    blocked = [each for each in world.plan().changes if each.action is Action.BLOCKED]
    assert [each.reason for each in blocked] == [Reason.IMMUTABLE_TAG] * 3
    assert [diff.path for diff in blocked[0].diffs] == ["values.yaml"]


def ended(outcome: Outcome) -> dict[str, Status]:
    return {f"{each.change.address}".removeprefix("platform@"): each.status for each in outcome.results}


def test_a_repository_that_is_not_created_holds_its_own_artifacts_back(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n", REDIS: "b: 1\n"}, regions=["us-east-1"])

    def fault(operation: str, repository: str, reference: str) -> None:
        if operation == "create" and repository.endswith("/nginx"):
            raise RegistryError("LimitExceededException", status=400)

    world.regions["us-east-1"].fault = fault
    assert {name.rpartition("/")[2]: status for name, status in ended(world.apply()).items()} == {
        "archive": Status.APPLIED,
        "nginx": Status.FAILED,
        "nginx:1.0.0": Status.SKIPPED,
        "redis": Status.APPLIED,
        "redis:7.2.1": Status.APPLIED,
    }


def test_requests_are_counted_by_live_registry(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1", "eu-west-1"])
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        planned = workspace.requests
        outcome = workspace.apply(plan, desired, stop=Stop())
        assert set(planned) == {"platform@us-east-1", "platform@eu-west-1"}
        assert all(planned.values())
        assert workspace.requests == {name: planned[name] + outcome.requests[name] for name in planned}


def test_a_partial_apply_of_several_regions_is_resumed_with_the_same_file(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"})
    approved = world.plan()

    def fault(operation: str, repository: str, reference: str) -> None:
        if operation == "put_manifest":
            raise RegistryError("503 Service Unavailable", status=503)

    world.regions["eu-west-1"].fault = fault
    assert outcome_status(world.apply_saved(approved)) == 1
    world.regions["eu-west-1"].fault = lambda *_: None
    outcome = world.apply_saved(approved)
    assert set(ended(outcome).values()) == {Status.APPLIED, Status.ALREADY}
    assert len(set(world.tags().values())) == 1
    assert open_changes(world.plan()) == []


def a_replica(root: Path) -> RegionalWorld:
    world = RegionalWorld(root, replicated=True)
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1", "eu-west-1"])
    return world


HERE, THERE = (f"{region}/{ARCHIVE}/nginx:1.0.0" for region in ("us-east-1", "eu-west-1"))


def test_replication_is_waited_for(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    outcome = world.apply()
    assert (ended(outcome)[HERE], ended(outcome)[THERE]) == (Status.APPLIED, Status.APPLIED)
    assert world.tags()[HERE] == world.tags()[THERE]
    assert [each.sent for each in outcome.results if each.change.copy] == [0]
    assert open_changes(world.plan()) == []


def test_an_interrupt_ends_the_wait_for_replication_at_once(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    stop = Stop()
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        source = world.regions["us-east-1"]
        arrives = source.has_arrived

        def asked(repository: str, tag: str, region: str) -> bool:
            stop("interrupted", 2)
            return arrives(repository, tag, region)

        source.has_arrived = asked  # type: ignore[method-assign]
        outcome = workspace.apply(plan, desired, stop=stop, patience=Patience(shortest=600))
    (waited,) = [each for each in outcome.results if each.change.copy]
    assert (waited.status, waited.detail) == (
        Status.SKIPPED,
        "interrupted; replication goes on by itself",
    )
    assert outcome_status(outcome) == 130


def test_a_wait_that_was_interrupted_is_resumed_with_the_same_file(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    approved = world.plan()
    world.apply("platform", "platform@us-east-1/*")
    outcome = world.apply_saved(approved)
    assert ended(outcome)[THERE] is Status.APPLIED
    assert world.tags()[HERE] == world.tags()[THERE]


def test_replication_is_not_waited_for_without_end(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        outcome = workspace.apply(plan, desired, stop=Stop(), patience=Patience(whole=0))
    (waited,) = [each for each in outcome.results if each.change.copy]
    assert waited.status is Status.FAILED
    assert waited.detail == "it has not been replicated to eu-west-1 after 0 minutes"


def test_all_that_is_replicated_is_waited_for_together(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path, replicated=True)
    packs = {(f"pack-{number}", "1.0.0"): "a: 1\n" for number in range(24)}
    world.declare(packs, regions=["us-east-1", "eu-west-1"])
    asked: list[str] = []

    def never(repository: str, tag: str, region: str) -> bool:
        asked.append(repository)
        return False

    world.regions["us-east-1"].has_arrived = never  # type: ignore[method-assign]
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        outcome = workspace.apply(plan, desired, stop=Stop(), patience=Patience(0.2, 0.2, 0.2))
    assert {each.status for each in outcome.results if each.change.copy} == {Status.FAILED}
    assert len(asked) < 2 * len(packs)  # who comes after the time is over looks once


def test_nothing_is_waited_for_where_the_push_has_failed(tmp_path: Path) -> None:
    world = a_replica(tmp_path)

    def fault(operation: str, repository: str, reference: str) -> None:
        if operation == "put_manifest":
            raise RegistryError("507 Insufficient Storage", status=507)

    world.regions["us-east-1"].fault = fault
    outcome = world.apply()
    assert (ended(outcome)[HERE], ended(outcome)[THERE]) == (Status.FAILED, Status.SKIPPED)


def test_what_replication_creates_gets_its_settings_in_the_same_apply(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    written = {"replicated": True, "scanOnPush": True}
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1", "eu-west-1"], repositories=written)
    outcome = world.apply()
    assert ended(outcome)[f"eu-west-1/{ARCHIVE}/nginx"] is Status.APPLIED
    repository = world.regions["eu-west-1"].created[f"{ARCHIVE}/nginx"]
    assert (repository.settings, repository.owner) == ({"scanOnPush": True}, "platform")
    assert open_changes(world.plan()) == []


def test_what_replication_has_created_otherwise_for_good_is_refused_and_named(tmp_path: Path) -> None:
    world = a_replica(tmp_path)
    written = {"replicated": True, "encryption": {"type": "KMS"}}
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1", "eu-west-1"], repositories=written)
    (refused,) = [each for each in world.apply().results if each.status is Status.REFUSED]
    assert str(refused.change.address) == f"platform@eu-west-1/{ARCHIVE}/nginx"
    assert refused.detail == "encryption differs; encryption cannot be changed once a repository exists"


def test_a_source_that_has_changed_since_the_plan_is_not_copied(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1"])
    world.apply()
    world.declare({NGINX: "a: 1\n"}, regions=["us-east-1", "eu-west-1"])
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        world.declare({NGINX: "a: 2\n"}, owner="other", regions=["us-east-1"], policy={"overwrite": "allow"})
        world.apply("other", adopt=(f"other@{HERE}",))
        for region in world.regions.values():
            region.read_only = True
        outcome = workspace.apply(plan, desired, stop=Stop())
    assert ended(outcome)[THERE] is Status.REFUSED
    assert THERE not in world.tags()
