"""The same calls go to Flask-Mail and to us, and come to the same, but for the differences that are named."""

import inspect
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import flask_mail
import pytest
from flask import Flask
from sqlalchemy import create_engine

import outbox.integrations.flask as ours
from outbox import SchemaError, migrate
from tests.integrations.flask import calls
from tests.integrations.flask.cases import CASES, Case
from tests.integrations.flask.differences import DIFFERENCES
from tests.integrations.flask.differential import SENDER, Both, Recipient

assert calls  # it has added its cases


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    url = f"sqlite:///{tmp_path_factory.mktemp('differential') / 'outbox.sqlite3'}"
    engine = create_engine(url)
    migrate(engine)
    engine.dispose()
    with Recipient() as server:
        made = Both(server, url)
        yield made
        made.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_call_does_the_same(both: Both, case: Case) -> None:
    theirs, mine = both.theirs(case.call, case.config), both.ours(case.call, case.config)
    named = [DIFFERENCES[name] for name in case.differences]
    if all(difference.on_every_python for difference in named):
        assert (theirs != mine) == bool(named), "a difference is named that is none, or the reverse"
    assert mine == reduce(lambda made, difference: difference.expected(made), named, theirs)
    for mail in mine.sent:
        assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
        assert mail.raw.isascii() or any(not address.isascii() for address in mail.recipients)
        assert b"\r\nbcc:" not in mail.raw.lower()


def test_there_are_enough_calls_and_every_difference_is_one_of_a_call() -> None:
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)
    assert {name for case in CASES for name in case.differences} == set(DIFFERENCES)


def test_every_difference_stands_on_the_page() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "flask.md"
    text = " ".join(page.read_text(encoding="utf-8").split())
    for difference in DIFFERENCES.values():
        assert f"{difference.here} | {difference.why}" in text


def test_every_name_and_every_parameter_is_there() -> None:
    for name, theirs in vars(flask_mail).items():
        if getattr(theirs, "__module__", None) != "flask_mail" or name.startswith(
            ("_has", "__", "_MailMixin")
        ):
            continue
        mine = getattr(ours, name)
        if inspect.isclass(theirs) and issubclass(theirs, Exception):
            assert issubclass(mine, theirs.__base__ or Exception)
            continue
        assert _parameters(mine)[: len(_parameters(theirs))] == _parameters(theirs), name
        if inspect.isclass(theirs):
            _compare_members(theirs, mine)


def _compare_members(theirs: type, mine: type) -> None:
    # There is no host to configure; the others are how Flask-Mail composes, and what nobody calls by name.
    apart = {"configure_host", "_message", "_mimetext", "__exit__"}
    for name in set(dir(theirs)) - set(dir(object)) - apart:
        if callable(function := getattr(theirs, name)):
            asked = _parameters(function)
            assert _parameters(getattr(mine, name))[: len(asked)] == asked, name
        elif not name.startswith("__"):
            assert hasattr(mine, name), name


def _parameters(function: object) -> list[tuple[str, object]]:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type] # a function or a class
    return [(each.name, each.default) for each in found if each.kind is not each.KEYWORD_ONLY]


def test_the_order_of_recipients_is_that_of_the_call(both: Both) -> None:
    names = [f"{letter}@example.org" for letter in "qxcabz"]

    def call(_library: ModuleType, mail: Any) -> None:
        mail.send_message("Hello", names, "Hello.", cc=["y@example.org"])

    both.ours(call, {})
    ((_, recipients, raw),) = both.queued()
    assert list(recipients) == [*names, "y@example.org"]
    assert str(message_from_bytes(raw, policy=default)["To"]).split(", ") == names


def test_the_message_id_is_known_before_it_is_sent_and_tells_no_name_of_the_host() -> None:
    app = Flask("app")
    app.config["MAIL_DEFAULT_SENDER"] = ("Shop", SENDER)
    ours.Mail(app)
    with app.app_context():
        message = ours.Message("Hello", ["ada@example.org"], "Hello.")
        assert f"Message-ID: {message.msgId}\r\n".encode() in bytes(message)
        assert message.msgId.endswith("@example.org>")
        assert bytes(message) == message.as_bytes() == message.as_string().encode()


def test_the_signal_of_a_mail_that_cannot_be_queued_does_not_come(tmp_path: Path) -> None:
    app = Flask("app")
    app.config.update(MAIL_DEFAULT_SENDER=SENDER, OUTBOX_DATABASE_URL=f"sqlite:///{tmp_path / 'none'}")
    mail = ours.Mail(app)
    with app.app_context(), mail.record_messages() as recorded, pytest.raises(SchemaError):
        mail.send_message("Hello", ["ada@example.org"], "Hello.")
    assert recorded == []
    app.extensions["mail"].destination.engine().dispose()
