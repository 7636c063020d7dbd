"""Feed the same bytes in every way that a network may cut them."""

from collections.abc import Iterator


def ways_to_cut(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` whole, byte by byte, and cut in two at every place."""
    yield [data]
    yield [data[n : n + 1] for n in range(len(data))]
    yield from ([data[:n], data[n:]] for n in range(1, len(data)))
