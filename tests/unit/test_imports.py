"""What an application loads with `import outbox`, and what it does not."""

import subprocess
import sys

import outbox

HEAVY = (
    "alembic",
    "apscheduler",
    "babel",
    "click",
    "css_inline",
    "inscriptis",
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
import outbox
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


def test_everything_that_is_public_is_there_and_documented() -> None:
    assert sorted(outbox.__all__) == outbox.__all__
    for name in outbox.__all__:
        thing = getattr(outbox, name)
        assert name == "__version__" or thing.__doc__, name
