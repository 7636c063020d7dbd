"""The pytest plugin, in runs of pytest as an application has them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import outbox

def send(to):
    outbox.enqueue(None, sender="shop@example.org", to=to, text="Hello.")

def test_one(outbox_messages):
    send("ann@example.org")
    assert outbox_messages.one(to="ann@example.org").text == "Hello."

def test_other(outbox_messages):
    outbox_messages.none()

def test_alias(mailoutbox, outbox_messages):
    send("ann@example.org")
    assert mailoutbox is outbox_messages
    assert len(mailoutbox) == 1
"""
DJANGO = """
import pytest

@pytest.fixture
def mailoutbox():
    return "Django's"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder where pytest finds the plugin as installed, by the entry points of pyproject.toml."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    points = "\n".join(f"{name} = {module}" for name, module in declared.items())
    installed(tmp_path, "outbox-as-installed", points)
    return tmp_path


def installed(folder: Path, name: str, points: str) -> None:
    info = folder / "site" / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{points}\n")


def run(folder: Path, tests: str, *arguments: str) -> str:
    (folder / "test_shop.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--color=no", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder / 'site'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_fixture_captures_by_both_names_and_each_test_begins_empty(project: Path) -> None:
    assert "3 passed" in run(project, TESTS)


def test_the_fixture_captures_in_each_process_of_xdist(project: Path) -> None:
    assert "3 passed" in run(project, TESTS, "-n", "2")


def test_the_plugin_can_be_left_out(project: Path) -> None:
    assert "fixture 'outbox_messages' not found" in run(project, TESTS, "-p", "no:outbox")


def test_mailoutbox_is_left_to_pytest_django_where_it_is(project: Path) -> None:
    (project / "site" / "fake_django.py").write_text(DJANGO)
    installed(project, "fake-django", "django = fake_django")
    tests = 'def test_whose(mailoutbox):\n    assert mailoutbox == "Django\'s"\n'
    assert "1 passed" in run(project, tests)
    assert "1 failed" in run(project, tests, "-p", "no:django")


def test_a_failure_shows_the_line_of_the_test_and_what_was_there(project: Path) -> None:
    output = run(project, TESTS.replace('one(to="ann@', 'one(to="bob@'))
    assert "AssertionError: expected 1 mail with to='bob@example.org', found none" in output
    assert "1. <Message to ann@example.org: ''> (another to)" in output
    assert "messages.py" not in output


def test_a_run_that_asks_for_no_mail_imports_no_outbox(project: Path) -> None:
    tests = "import sys\n\ndef test_light():\n    assert not {'outbox', 'sqlalchemy'} & {*sys.modules}\n"
    output = run(project, tests, "--fixtures")
    assert "outbox_messages -- " in output
    assert "1 passed" in run(project, tests)
