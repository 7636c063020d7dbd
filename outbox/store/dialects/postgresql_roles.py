"""The five roles in the words of PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql

from outbox.store.grants import FUNCTION, NUMBERED, Role, inserts, letters, listed, rights

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALL = ", ".join(Role)
_ENQUEUES = ", ".join(role for role in Role if inserts(role, "outbox_message"))
_HOME = "(SELECT relnamespace FROM pg_class WHERE oid = 'outbox_message'::regclass)"

_HEAD = """\
-- What five roles may do with the outbox; docs/roles.md tells which is for whom. Run this as the owner of
-- the tables, in their database, after `outbox db upgrade`, and again after each upgrade:
--     outbox db grants --dialect postgresql | psql --set ON_ERROR_STOP=1 DATABASE
-- An owner who may not create roles lets somebody create the five first, once for the whole server.
-- Then say which user works under which of them:
--     GRANT outbox_app TO shop; GRANT outbox_daemon TO mailer;
BEGIN;
"""

# Two databases of a server may be prepared at the same moment.
ROLES = f"""\
DO $$ DECLARE role text; BEGIN
    FOREACH role IN ARRAY '{{{_ALL}}}'::text[] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;
"""
"""Creates the roles that the server does not have."""

_SCHEMA = f"""\
DO $$ BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO {_ALL}', {_HOME}::regnamespace);
END $$;
"""

# PostgreSQL lets everybody call a new function.
_FUNCTION = f"""\
DO $$ DECLARE enqueue regprocedure; BEGIN
    FOR enqueue IN SELECT oid FROM pg_proc WHERE proname = '{FUNCTION}' AND pronamespace = {_HOME} LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, {_ALL}', enqueue);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {_ENQUEUES}', enqueue);
    END LOOP;
END $$;
"""  # noqa: S608 - the names are ours

_quote = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call] # SQLAlchemy's own


def grants() -> str:
    """Return the SQL that gives each role its rights and takes all others from it, as one transaction."""
    return "".join([_HEAD, ROLES, _SCHEMA, *_statements(), _FUNCTION, "COMMIT;\n"])


def _statements() -> Iterator[str]:
    # What an older release has granted ends here.
    yield f"REVOKE ALL ON {', '.join(letters())} FROM {_ALL};\n"
    yield f"REVOKE ALL ON SEQUENCE {', '.join(map(_sequence, NUMBERED))} FROM {_ALL};\n"
    for role in Role:
        for table, by_action in rights(role, key=None).items():
            yield f"GRANT {listed(table, by_action, _quote)} ON {table} TO {role};\n"
        for table in NUMBERED:
            if inserts(role, table):
                # Who copies rows with their ids sets the sequence behind them.
                right = "ALL" if role is Role.ADMIN else "USAGE"
                yield f"GRANT {right} ON SEQUENCE {_sequence(table)} TO {role};\n"


def _sequence(table: str) -> str:
    return f"{table}_id_seq"
