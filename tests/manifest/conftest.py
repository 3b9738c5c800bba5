"""The desk that every test of this room writes its manifests at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
