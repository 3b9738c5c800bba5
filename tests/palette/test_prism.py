from __future__ import annotations

import re
import threading

from regsync.model.plan import Action
from regsync.palette.base import Synchronization
from tests.palette.rig import (
    BASIC,
    KEYS,
    PUBLIC,
    STS,
    desired,
    listing,
    live_at,
    register,
    removal,
    unwanted,
    with_settings,
    world,
)
from tests.support.palette_lister import FixedLister
from tests.support.palette_packs import Pack
from tests.support.palette_prism import PrismServer


def _shape(path: str) -> str:
    """A path without the uid of a registration and the name of a pack."""
    return re.sub("/[0-9a-f]{20,}", "/UID", re.sub("/packs/[^/]+/", "/packs/NAME/", path))


def test_an_independent_judge_finds_nothing_wrong_with_any_request(prism: PrismServer) -> None:
    """Every sort of request that the adapter sends, once more and to Prism."""
    with world() as (server, palette):
        server.api.lister = FixedLister(*(Pack(f"p{number:02}", "1.0.0", "a: 1") for number in range(60)))
        listings = (listing("p00", "1.0.0"), listing("p59", "1.0.0"), listing("gone", "1.0.0"))
        forms = {"basic": BASIC, "keys": KEYS, "role": STS, "public": PUBLIC}
        for name, settings in forms.items():
            wanted = desired(server.url, settings, name=name, listings=listings)
            palette.check([wanted])
            register(palette, wanted)
            register(palette, with_settings(wanted, insecureSkipVerify=True, certificate="PEM"))
            sync = Synchronization(listings[:2], force=True)
            palette.synchronize(wanted, sync, lambda text: None, threading.Event())
            register(palette, wanted, Action.REPLACE)
            absent = unwanted(server.url, name)
            palette.unregister(removal(absent, live_at(palette, wanted)))
        distinct = {
            (each.method, _shape(each.path), str(each.query), len(str(each.body))): each
            for each in server.requests
        }
        assert len(distinct) > 20
        complaints = [(str(each), prism.judge(each)) for each in distinct.values()]
        assert [each for each in complaints if each[1]] == []
