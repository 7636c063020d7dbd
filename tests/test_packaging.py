"""What is shipped: the wheel holds the migrations and templates, and works without the checkout."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.wheel import build

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
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from that, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """Give the wheel."""
    [built] = dist.glob("*.whl")
    return built


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Give an environment that has all that we need, and not us."""
    place = tmp_path / "installed"
    venv.create(place, symlinks=True)
    [packages] = place.glob("lib/python*/site-packages")
    # Their own .pth files are not read from there: not the one that leads to the checkout, either.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, cwd=cwd
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


@pytest.mark.parametrize("form", ["*.whl", pytest.param("*.tar.gz", marks=pytest.mark.trial)])
def test_the_demo_runs_from_a_wheel_and_from_a_source_distribution(
    form: str, dist: Path, installed: Path, tmp_path: Path
) -> None:
    [built] = dist.glob(form)
    _install(installed, built)
    _assert_the_demo_runs(installed / "bin", installed, tmp_path)


def test_the_demo_runs_from_an_editable_installation(tmp_path: Path) -> None:
    # That of these tests themselves: to make another one would ask an index for what builds it.
    told = distribution("email-outbox").read_text("direct_url.json")
    where = json.loads(told or "{}")
    if not where.get("dir_info", {}).get("editable"):
        pytest.skip("this environment has no editable installation: make test has.")
    _assert_the_demo_runs(Path(sys.executable).parent, Path(urlsplit(where["url"]).path), tmp_path)


def _assert_the_demo_runs(scripts: Path, place: Path, folder: Path) -> None:
    """Run it in `folder`, by what is installed; it is our code below `place` that does it."""
    where = _run(str(scripts / "python"), "-c", "import outbox; print(outbox.__file__)", cwd=folder)
    assert where.startswith(str(place))
    assert "arrived exactly once" in _run(str(scripts / "outbox"), "demo", "--mails", "100", cwd=folder)
    assert len(list((folder / "demo/mails").glob("*.eml"))) == 100


def _install(place: Path, what: Path) -> None:
    """Install with what is there: no index is asked, and what the checkout's own environment has is left."""
    alone = ("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed", "--quiet")
    _run(sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install", *alone, str(what))
