"""How long mail is kept: for a duration with its unit, or for ever."""

from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load
from outbox.settings.make_options import options_of
from outbox.worker.options import DAY, Keep

pytestmark = pytest.mark.usefixtures("no_settings")


def kept(**flags: object) -> Keep:
    return options_of(load(smtp_host="mail.example.org", **flags)).keep


def test_without_a_word_bodies_are_kept_for_a_month_and_rows_for_three() -> None:
    assert Keep(30 * DAY, 90 * DAY) == kept() == Keep()


def test_each_is_said_with_its_unit_in_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_KEEP_BODIES", "36h")
    Path("outbox.toml").write_text('keep_finished = "2d"')
    assert Keep(1.5 * DAY, 2 * DAY) == kept()


@pytest.mark.parametrize("never", ["never", "Never", "0", 0])
def test_never_is_for_ever(never: object) -> None:
    assert Keep(0.0, 0.0) == kept(keep_bodies=never, keep_finished=never)


@pytest.mark.parametrize("given", ["90", 90, 90.0, True, "soon", "-1d", ""])
def test_a_number_of_nobody_knows_what_is_refused_with_its_remedy(given: object) -> None:
    with pytest.raises(SettingsError) as caught:
        kept(keep_finished=given)
    (fault,) = caught.value.faults
    assert "keep_finished" in fault
    assert "such as 30d, or never" in fault
