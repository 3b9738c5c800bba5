from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from regsync.model.registry import RegistryType
from regsync.registries.base import _VENDORS, Shared


def test_every_type_of_registry_can_be_opened() -> None:
    assert _VENDORS.keys() == set(RegistryType)


def test_what_is_shared_is_made_once() -> None:
    shared, made = Shared(), []

    def make() -> str:
        made.append(threading.get_ident())
        return "login"

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: shared.get("account", make), range(20)))
    assert (found, len(made)) == (["login"] * 20, 1)


def test_who_asks_for_one_thing_does_not_wait_for_another() -> None:
    shared, other = Shared(), threading.Event()

    def slow() -> bool:
        return other.wait(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shared.get, "slow", slow)
        shared.get("quick", other.set)
        assert waiting.result()


def test_what_could_not_be_made_is_tried_again() -> None:
    shared = Shared()

    def fail() -> str:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        shared.get("account", fail)
    assert shared.get("account", lambda: "login") == "login"
