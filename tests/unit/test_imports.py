"""What an application loads with `import outbox`, and what it does not."""

import subprocess
import sys

import pytest

import outbox
from tests.support.loading import UNASKED, loaded_by

HEAVY = (
    "alembic",
    "apscheduler",
    "babel",
    "click",
    "css_inline",
    "inscriptis",
    "opentelemetry",
    "outbox.cli",
    "outbox.delivery",
    "outbox.metrics",
    "outbox.settings",
    "outbox.smtp",
    "outbox.worker",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "pydantic_settings",
    "pymysql",
    "rich",
)
CODE = """
import time
import jinja2, sqlalchemy.orm  # what a web application has loaded already
began = time.perf_counter()
import outbox; outbox.enqueue  # what is public comes at its first use, all of it
took = time.perf_counter() - began
import sys
print(took)
print(*sys.modules, sep="\\n")
"""


def test_import_outbox_is_light(capsys: object) -> None:
    shown = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    took, *modules = shown.splitlines()
    loaded = [name for name in modules if name in HEAVY or name.startswith(tuple(f"{h}." for h in HEAVY))]
    assert loaded == []
    with capsys.disabled():  # type: ignore[attr-defined] # pytest's own fixture
        print(f"\nimport outbox, beside SQLAlchemy and Jinja: {float(took) * 1000:.0f} ms")  # noqa: T201 - a figure


def test_what_is_public_is_loaded_at_its_first_use_and_nothing_else_is_there() -> None:
    code = (
        "import sys, outbox\n"
        "assert 'sqlalchemy' not in sys.modules, 'a command would wait for it'\n"
        "assert {*outbox.__all__} <= {*dir(outbox)}\n"
        "from outbox import Outbox, enqueue\n"
        "import outbox._public as public\n"
        "assert outbox.__all__ == public.__all__ and enqueue is public.enqueue\n"
        "outbox.brew\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "AttributeError: module 'outbox' has no attribute 'brew'"


@pytest.mark.parametrize(
    "call",
    [
        ("list",),
        ("list", "--recipient", "Ada@example.com"),
        ("show", "x"),
        ("why", "x"),
        ("suppressions",),
        ("top", "--once"),
        ("stats",),
        ("purge", "--older-than", "1d"),
    ],
)
def test_what_people_ask_most_loads_only_what_it_needs(call: tuple[str, ...]) -> None:
    loaded = loaded_by(*call, "--database-url", "sqlite:///gone.sqlite3")
    assert "outbox.store.dialects.sqlite" in loaded
    assert UNASKED & loaded == set()


def test_everything_that_is_public_is_there_and_documented() -> None:
    assert sorted(outbox.__all__) == outbox.__all__
    for name in outbox.__all__:
        thing = getattr(outbox, name)
        assert name == "__version__" or thing.__doc__, name
