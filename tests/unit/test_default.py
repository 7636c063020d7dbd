"""The default outbox is made once, of what the environment says."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from outbox import Email, InvalidEmailError
from outbox.default import default_outbox
from outbox.handover import Fields, email_of
from outbox.intake import MAX_SIZE

pytestmark = pytest.mark.usefixtures("no_default_outbox")


def test_the_default_outbox_is_built_once_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("mine", "shared"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared" / "hello.txt").write_text("Hello {{ name }}")
    (tmp_path / "shared" / "hello.subject").write_text("{{ _('Hello') }}")
    monkeypatch.setenv("OUTBOX_TEMPLATES", f"{tmp_path / 'mine'}:{tmp_path / 'shared'}")
    catalogue = Catalog(locale="fr")
    catalogue.add("Hello", "Bonjour")
    file = tmp_path / "po" / "fr" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, catalogue)
    monkeypatch.setenv("OUTBOX_TRANSLATIONS", str(tmp_path / "po"))
    monkeypatch.setenv("OUTBOX_SENDER", "Shop <shop@example.org>")
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "5000")
    default = default_outbox()
    assert default is default_outbox()
    assert default._max_size == 5000
    fields: Fields = {
        "to": "ann@example.org",
        "template": "hello",
        "context": {"name": "Ann"},
        "locale": "fr",
    }
    email = email_of(fields, default._templates)
    assert (email.subject, (email.text or "").strip()) == ("Bonjour", "Hello Ann")
    assert default._compose(email).sender == "shop@example.org"


def test_an_empty_environment_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OUTBOX_TEMPLATES", "OUTBOX_TRANSLATIONS", "OUTBOX_SENDER", "OUTBOX_MAX_SIZE"):
        monkeypatch.setenv(name, "")
    assert default_outbox()._max_size == MAX_SIZE
    with pytest.raises(InvalidEmailError, match=r"^sender: "):
        default_outbox()._compose(Email(to="ann@example.org", text="Hello."))
