"""The decorator of the tutorial; its own name for it, `async`, is a word of the language today."""

from collections.abc import Callable
from functools import wraps
from threading import Thread
from typing import Any


def in_background(f: Callable[..., None]) -> Callable[..., None]:
    """Run `f` in a thread of its own, and return at once."""

    @wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        Thread(target=f, args=args, kwargs=kwargs).start()

    return wrapper
