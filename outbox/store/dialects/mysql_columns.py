"""The column types of MariaDB and MySQL."""

from sqlalchemy import JSON, Dialect
from sqlalchemy.dialects import mysql

from outbox.store.dialects.columns import Columns


def _word(length: int, dialect: Dialect) -> mysql.VARCHAR:
    # Where no server was asked yet, of MariaDB.
    is_mysql = getattr(dialect, "server_version_info", None) and not getattr(dialect, "is_mariadb", False)
    collation = "utf8mb4_0900_bin" if is_mysql else "utf8mb4_nopad_bin"
    return mysql.VARCHAR(length, charset="utf8mb4", collation=collation)


COLUMNS = Columns(
    # Not MariaDB's own UUID: SQLAlchemy would choose it by the server's version, and an upgrade of the server
    # would then change the type of a column.
    guid=mysql.CHAR(32, charset="ascii", collation="ascii_bin"),
    instant=mysql.DATETIME(fsp=6),
    json=JSON(none_as_null=True),
    mime=mysql.LONGBLOB(),
    # Each of its text collations folds case or trailing spaces on some version.
    exact=mysql.VARBINARY,
    word=_word,
)
