"""Column types that mean the same on every database.

Comparison is byte by byte everywhere, times carry their zone, and a server upgrade never changes a type.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, TIMESTAMP, BigInteger, Dialect, Integer, LargeBinary, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from outbox.store.dialects.columns import columns_of

_MYSQL = frozenset({"mysql", "mariadb"})

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key; SQLite gives its own row id only to a column declared INTEGER."""


class Guid(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, else 32 ASCII characters."""

    impl = Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).guid)

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Return what the driver of `dialect` takes."""
        return value if value is None or dialect.name == "postgresql" else value.hex

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Return the UUID that the driver of `dialect` read, or the nil UUID for a text that is none."""
        try:
            return value if value is None or dialect.name == "postgresql" else UUID(value)
        except ValueError:
            # Written by hand. One such row must not keep a daemon from all the others.
            return UUID(int=0)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant with microseconds; aware in Python, UTC in the database."""

    impl = TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).instant)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC, without its zone where the database stores none."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` as an aware datetime in UTC."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A value of JSON, read as what it means; None is NULL."""

    impl = JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).json)


class ByteExact(TypeDecorator[str]):
    """A short text that is unique byte by byte: on MariaDB it is VARBINARY."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).exact(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Return what the driver of `dialect` takes."""
        return value.encode() if value is not None and dialect.name in _MYSQL else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the text that the driver read."""
        return value.decode() if isinstance(value, bytes) else value


class Word(TypeDecorator[str]):
    """A short text of ours, such as a status or a stream: compared byte by byte, and read as text by anybody.

    utf8mb4_bin, the collation of our tables, pads with spaces, so that 'bulk ' would equal 'bulk'.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).word(self.length, dialect))


class Mime(TypeDecorator[bytes]):
    """The exact bytes of a message.

    To MariaDB they travel as text: PyMySQL writes bytes in hexadecimal, which doubles them and reaches
    `max_allowed_packet` at half the size. A composed message is ASCII, so the bytes that arrive are the same;
    one with an address beyond ASCII travels as bytes, for the connection may be of another charset.
    """

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of `dialect`."""
        return dialect.type_descriptor(columns_of(dialect).mime)

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what turns bytes into the driver's parameter, past the driver's own binary wrapper."""
        if dialect.name not in _MYSQL:
            return super().bind_processor(dialect)

        def as_text(value: bytes | None) -> str | bytes | None:
            return value.decode("ascii") if value is not None and value.isascii() else value

        return as_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return what reads a value: SQLite keeps a text that plain SQL has written as a text."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return lambda value: value.encode() if isinstance(value, str) else value

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the bytes unchanged."""
        return value
