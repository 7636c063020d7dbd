"""What no test misses, and why it may stay so: by module, and by the text of a guard or of a mutated line."""

GUARDS: dict[tuple[str, str], str] = {}
"""Guards that are left out by `guards.py`."""

MUTANTS: dict[tuple[str, str], str] = {}
"""Lines as Cosmic Ray has changed them."""
