"""A queue with years of finished mail in it, made by a few statements."""

from typing import Any

from sqlalchemy import String, cast, literal

from bench.fill import Filler, N
from outbox.store.schema import delivery
from tests.contract.scene import Scene, in_state


class History:
    """Fills the tables of a scene, which must be empty at first."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.kind = scene.admin.dialect.name
        self._filler = Filler(scene.admin, "mariadb" if self.kind == "mysql" else self.kind)

    def add(self, count: int, status: str = "sent", **values: Any) -> None:
        """Insert so many mails, each to a recipient of its own, in `status`, due one after the other."""
        row = {"recipient": cast(N, String(20)) + "@example.org"} | in_state(status) | values
        typed = {
            name: value if hasattr(value, "label") else literal(value, delivery.c[name].type)
            for name, value in row.items()
        }
        self._filler.add(count, typed, "0.001 * n - 3600")
