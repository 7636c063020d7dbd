"""Feed the same bytes in every way that a network may cut them."""

from collections.abc import Iterator


def ways_to_cut(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` whole, byte by byte, and cut in two at every place."""
    yield [data]
    yield byte_by_byte(data)
    yield from ([data[:n], data[n:]] for n in range(1, len(data)))


def byte_by_byte(data: bytes) -> list[bytes]:
    """Return `data` in pieces of one byte."""
    return [data[n : n + 1] for n in range(len(data))]


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """Return `data` cut at these places, of which those behind its end count for nothing."""
    ends = sorted({place for place in places if place < len(data)})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
