"""What all tables of the outbox have in common: the names of constraints, and what MariaDB is told."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, MetaData

# InnoDB for its transactions; the binary collation so that no text folds case.
MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    # SQLAlchemy reads only the names of the dialect that the URL has.
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def new_metadata() -> MetaData:
    """Return what is to hold the tables, and names their constraints."""
    return MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the constraint that a column has one of these values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")
