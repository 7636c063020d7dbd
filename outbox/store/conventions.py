"""What all tables of the outbox have in common: the names of constraints."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, MetaData


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
