"""How artifacts stand in the regions of one document."""

from __future__ import annotations

from collections.abc import Mapping

from regsync.model.parity import Standing, parity
from regsync.model.plan import Action, Change, Plan, RegistryView
from regsync.model.state import Unreadable, UnreadableScope
from tests.support.plans import LIVE, NEW, make_change, make_plan

DEFAULT, *OTHERS = ("us-east-1", "ap-south-1", "eu-west-1")
REST = "team/spectro-packs/archive/nginx:1.25.0"
OTHER = "sha256:" + "0" * 64
MISSING, HELD = Action.CREATE, Action.NO_OP


def at(region: str, action: Action, digest: str = LIVE) -> Change:
    """The change of nginx in one region; where it is live as it is wanted, under this digest."""
    change = make_change(f"ecr@{region}/{REST}", action)
    if action is not HELD:
        return change
    return make_change(f"ecr@{region}/{REST}", action, before={"digest": digest, "content": NEW})


def planned(*changes: Change, regions: tuple[str, ...] = (DEFAULT, *OTHERS), **more: object) -> Plan:
    views = [RegistryView(f"ecr@{each}", "ecr", "host", each, DEFAULT) for each in sorted(regions)]
    return make_plan(*changes, registries=tuple(views), **more)


def standings(plan: Plan) -> Mapping[str, Standing]:
    (table,) = parity(plan)
    (row,) = table.rows
    return row.standings


def test_the_default_region_comes_first() -> None:
    (table,) = parity(planned(*(at(each, HELD) for each in (DEFAULT, *OTHERS))))
    assert (table.registry, table.regions) == ("ecr", (DEFAULT, *OTHERS))
    assert set(table.rows[0].standings.values()) == {Standing.EQUAL}
    assert table.uneven == ()


def test_missing_and_different_artifacts_are_told_apart_blocked_or_not() -> None:
    found = standings(
        planned(
            at(DEFAULT, MISSING),
            at(OTHERS[0], Action.UPDATE),
            at(OTHERS[1], Action.BLOCKED),
        )
    )
    assert list(found.values()) == [Standing.MISSING, Standing.DIFFERS, Standing.DIFFERS]


def test_equal_content_under_another_digest_than_the_default_regions_is_named() -> None:
    found = standings(planned(at(DEFAULT, HELD), *(at(each, HELD, OTHER) for each in OTHERS)))
    assert list(found.values()) == [Standing.EQUAL, Standing.OTHER_DIGEST, Standing.OTHER_DIGEST]


def test_where_the_default_region_lacks_it_the_most_common_digest_leads() -> None:
    regions = (DEFAULT, "ap-south-1", "eu-north-1", "eu-west-1")
    found = standings(
        planned(
            at(DEFAULT, MISSING),
            at("ap-south-1", HELD, OTHER),
            at("eu-north-1", HELD),
            at("eu-west-1", HELD),
            regions=regions,
        )
    )
    assert list(found.values()) == [
        Standing.MISSING,
        Standing.OTHER_DIGEST,
        Standing.EQUAL,
        Standing.EQUAL,
    ]


def test_what_was_not_compared_is_unreadable_or_outside_the_selection() -> None:
    dark = Unreadable(f"ecr@{OTHERS[0]}", UnreadableScope.REGISTRY, "no answer")
    found = standings(planned(at(DEFAULT, HELD), unreadable=(dark,)))
    assert found == {DEFAULT: Standing.EQUAL, OTHERS[0]: Standing.UNREADABLE}


def test_what_is_to_go_is_in_no_table() -> None:
    assert parity(planned(make_change(f"ecr@{DEFAULT}/{REST}", Action.DELETE))) == ()


def test_an_artifact_that_is_known_in_one_region_agrees_with_nobody() -> None:
    assert parity(planned(at(DEFAULT, HELD))) == ()
    other = make_change(f"ecr@{DEFAULT}/{REST.replace('nginx', 'redis')}")
    (table,) = parity(planned(at(DEFAULT, HELD), at(OTHERS[0], HELD), other))
    assert [each.artifact for each in table.rows] == [REST]


def test_one_region_alone_has_no_table() -> None:
    assert parity(planned(at(DEFAULT, HELD), regions=(DEFAULT,))) == ()
    assert parity(make_plan(make_change(f"harbor-prod/{REST}"))) == ()
