"""What is shipped: the wheel holds the migrations and templates, and works without the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


_USE = """
import sys
import outbox, sqlalchemy as sa

assert outbox.__file__.startswith(sys.argv[1])
engine = sa.create_engine("sqlite:///app.sqlite3")
outbox.prepare_sqlite(engine)
outbox.migrate(engine)
context = {"product": "Shop", "name": "Ada", "url": "https://example.org/"}
with engine.begin() as connection:
    outbox.enqueue(
        connection, sender="a@example.org", to="b@example.org", template="welcome", context=context
    )
    print(connection.execute(sa.text("SELECT status FROM outbox_status")).scalar())
engine.dispose()
from outbox.cli import command_line
command_line(["init", "new"], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the source distribution, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    [built] = folder.glob("*.whl")
    return built


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_ships_what_the_program_reads_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "outbox/_alembic/versions/0001_first_schema.py" in names
    assert "outbox/_templates/welcome.html" in names
    assert "outbox/_deploy/outbox.service" in names
    assert "outbox/py.typed" in names
    top = {name.split("/")[0] for name in names}
    assert top == {"outbox", "pytest_outbox.py", "email_outbox-0.1.0.dist-info"}


def test_the_wheel_migrates_and_renders_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    file = tmp_path / "use.py"
    file.write_text(_USE)
    out = subprocess.run(
        [sys.executable, str(file), str(installed)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(installed)},
    )
    assert out.returncode == 0, out.stderr
    pending, written, *_ = out.stdout.splitlines()
    assert (pending, written) == ("pending", f"Written: {tmp_path}/new/outbox.toml")
    assert "ExecStart=" in (tmp_path / "new" / "outbox.service").read_text()
