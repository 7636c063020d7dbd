"""Which server a connection leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


def server_of(connection: Connection) -> str:
    """Return the kind of database and its version, as people name them."""
    version = connection.dialect.server_version_info or ()
    numbers = ".".join(str(number) for number in version if isinstance(number, int))
    # A MariaDB reached by a mysql:// URL is one all the same.
    name = "mariadb" if getattr(connection.dialect, "is_mariadb", False) else connection.dialect.name
    return f"{name} {numbers}"
