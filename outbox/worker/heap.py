"""Keep what large bodies leave behind from staying in this process."""

from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # mallopt(3)
_LARGE = 1024 * 1024


def return_large_blocks() -> None:
    """Have glibc return each block of a megabyte or more to the system as soon as it is free.

    By default it would raise that limit to the size of the first one that is freed, and then keep such blocks
    in the heap of each thread: the memory of a few large mails, for as long as the daemon runs. Elsewhere
    than on glibc, or where a sandbox forbids to call it, all stays as it is.
    """
    with suppress(ImportError, MemoryError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - a strict sandbox ends the import with MemoryError

        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
