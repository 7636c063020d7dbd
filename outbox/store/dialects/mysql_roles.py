"""The five roles in the words of MariaDB and MySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import mysql

from outbox.store.grants import Action, Role, listed, rights

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
-- What five roles may do with the outbox; docs/roles.md tells which is for whom. Run this as somebody who may
-- create roles, in the database of the outbox, after `outbox db upgrade`, and again after each upgrade:
--     outbox db grants --dialect mariadb | mariadb DATABASE
-- Then say which user works under which of them; without the second line the user has to SET ROLE each time:
--     GRANT outbox_app TO shop;
--     SET DEFAULT ROLE outbox_app FOR shop;
-- It takes nothing away: what an older release has granted, SHOW GRANTS FOR outbox_app tells.
"""

KEY = Action.UPDATE
"""What ON DUPLICATE KEY UPDATE wants of all columns that it inserts, though it sets the key to itself."""

_quote = mysql.dialect().identifier_preparer.quote


def grants() -> str:
    """Return the SQL that gives each role its rights in the current database."""
    return "".join([_HEAD, *_statements()])


def _statements() -> Iterator[str]:
    for role in Role:
        yield f"CREATE ROLE IF NOT EXISTS {role};\n"
        for table, by_action in rights(role, key=KEY).items():
            yield f"GRANT {listed(table, by_action, _quote)} ON {table} TO {role};\n"
