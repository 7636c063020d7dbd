"""The name flask_mail can be ours; and what is missing is said."""

import subprocess
import sys

import pytest

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "{name}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
OURS = """
from outbox.integrations.flask import install_as_flask_mail
install_as_flask_mail()
install_as_flask_mail()
from {name} import Mail, Message
import outbox.integrations.flask as ours
assert (Mail, Message) == (ours.Mail, ours.Message)
import {name} as again
assert again is ours
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hidden", ["flask_mail", "nothing"])
@pytest.mark.parametrize("name", ["flask_mail", "flask.ext.mail"])
def test_an_untouched_import_gives_ours(name: str, hidden: str) -> None:
    done = run(HIDE.format(name=hidden) + OURS.format(name=name))
    assert done.returncode == 0, done.stderr


def test_it_is_too_late_when_the_real_one_was_imported() -> None:
    done = run(
        "import flask_mail; from outbox.integrations.flask import install_as_flask_mail as i\n"
        "try: i()\n"
        "except RuntimeError as error: print(error)\n"
        "import sys; assert sys.modules['flask_mail'] is flask_mail"
    )
    assert "flask_mail: is already imported, from '" in done.stdout
    assert "before the first import of it" in done.stdout


def test_without_flask_the_error_says_what_to_install() -> None:
    done = run(HIDE.format(name="flask") + "import outbox; import outbox.integrations.flask")
    assert "pip install 'email-outbox[flask]'" in done.stderr.splitlines()[-1]


def test_who_sends_mail_loads_no_daemon_and_no_settings() -> None:
    done = run(
        "import sys, outbox.integrations.flask\n"
        "print([n for n in sys.modules if n.startswith(('outbox.cli', 'outbox.settings', 'outbox.worker', "
        "'outbox.delivery', 'outbox.smtp', 'pydantic', 'flask_mail', 'flask_sqlalchemy'))])"
    )
    assert done.stdout == "[]\n", done.stderr
