"""What a page does when somebody orders: one row of its own, and a mail with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, MetaData, String, Table, insert

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from bench.shop import Shop

ORDERS = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("customer", String(100)),
)


def page(shop: Shop, mail: Callable[[Connection], object] | None = None) -> float:
    """Commit one order, with what `mail` enqueues or without any; return the milliseconds."""
    began = time.perf_counter()
    with shop.engine.begin() as connection:
        connection.execute(insert(ORDERS), {"customer": "Ada"})
        if mail is not None:
            mail(connection)
    return (time.perf_counter() - began) * 1000
