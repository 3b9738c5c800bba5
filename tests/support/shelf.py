"""A chart repository on loopback: what the real Helm packed and indexed, served as any web server would."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from email.message import Message
from pathlib import Path

from tests.support.charts import helm, helm_package, make_chart
from tests.support.scripted import Answer, ScriptedServer
from tests.support.servers import PASSWORD, USER


class Shelf(ScriptedServer):
    """Serves the files of `folder`; with `login` only to USER and PASSWORD. `instead` may answer in its stead."""

    def __init__(self, folder: Path, *, login: bool = False, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._serve, tls=tls)
        self.folder = folder
        self.login = login
        self.instead: Callable[[str], Answer | None] = lambda path: None

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for."""
        return [each.path for each in self.requests]

    def stock(self, *versions: str, name: str = "web") -> None:
        """Package a chart in these versions, and index the whole shelf anew."""
        for version in versions:
            source = self.folder.parent / f"{self.folder.name}-sources" / version
            helm_package(make_chart(source, name, version), self.folder)
        helm("repo", "index", self.folder)

    def _serve(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.login and headers.get("Authorization") != wanted:
            return 401, {"WWW-Authenticate": 'Basic realm="shelf"'}, b""
        if answer := self.instead(path):
            return answer
        file = self.folder / path.removeprefix("/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")
