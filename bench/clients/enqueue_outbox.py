"""An order and its mail through the outbox, in one transaction: URL."""

import sys

from bench.clients.requests import measure
from bench.order import ORDERS, page
from bench.shop import Shop
from outbox import migrate


def main(url: str) -> None:
    """Measure on a fresh database."""
    shop = Shop(url)
    migrate(shop.engine)
    ORDERS.create(shop.engine)
    measure(lambda n: page(shop, None if n is None else lambda connection: shop.enqueue(connection, n)))


if __name__ == "__main__":
    main(sys.argv[1])
