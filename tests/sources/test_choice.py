from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regsync.model.errors import RegsyncError
from regsync.sources.base import Listing, Offer
from regsync.sources.choice import choose
from tests.sources.rig import asked

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 86400


class Listed(Listing):
    """Versions and their ages in days, None where it is not told."""

    def __init__(self, ages: Mapping[str, int | None]) -> None:
        self.ages = ages

    def offers(self, name: str, wanted: str) -> Sequence[Offer]:
        return [Offer(each, f"https://charts.example.com/web-{each}.tgz") for each in self.ages]

    def created(self, name: str, offer: Offer) -> datetime | None:
        age = self.ages[offer.version]
        return None if age is None else NOW - timedelta(days=age)


AGES = {"1.0.0": 300, "1.1.0": 30, "1.2.0": 3, "1.3.0": None, "2.0.0": 1}


def chosen(version: str, **fields: Any) -> list[str]:
    choice = choose(asked("https://charts.example.com", version, **fields), Listed(AGES), NOW)
    return [each.version for each in choice.offers]


def test_the_newest_in_the_range_is_chosen() -> None:
    assert chosen("^1") == ["1.3.0"]
    assert chosen("*") == ["2.0.0"]


def test_as_many_of_the_newest_as_are_asked_for() -> None:
    assert chosen("^1", newest=3) == ["1.3.0", "1.2.0", "1.1.0"]
    assert chosen("~1.0", newest=3) == ["1.0.0"]


def test_what_is_too_fresh_or_does_not_tell_its_age_is_held_back() -> None:
    choice = choose(asked("https://charts.example.com", "*", min_age=7 * DAY, newest=2), Listed(AGES), NOW)
    assert [each.version for each in choice.offers] == ["1.1.0", "1.0.0"]
    assert choice.held_back == ("2.0.0", "1.3.0", "1.2.0")


def test_an_age_is_reached_to_the_second() -> None:
    assert chosen("1.2.0", min_age=3 * DAY) == ["1.2.0"]
    with pytest.raises(RegsyncError, match=r"younger than minAge, or does not tell its age: 1\.2\.0"):
        chosen("1.2.0", min_age=3 * DAY + 1)


def test_a_range_that_matches_nothing_says_what_there_is() -> None:
    with pytest.raises(
        RegsyncError, match=r"no version of web in https://charts\.example\.com matches `>=9`"
    ) as none:
        chosen(">=9")
    assert none.value.hint == "its newest version is 2.0.0"


def test_only_prereleases_are_told_apart() -> None:
    with pytest.raises(RegsyncError) as none:
        choose(asked("https://charts.example.com"), Listed({"1.0.0-rc.1": 9}), NOW)
    assert "only prereleases" in (none.value.hint or "")
