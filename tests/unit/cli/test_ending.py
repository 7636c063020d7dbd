"""How commands are named in messages, and how a command ends that somebody interrupts."""

import click
import pytest

from outbox.cli.ending import addressed, told_plainly


@pytest.mark.parametrize(
    ("told", "as_flask"),
    [
        ("See: outbox list", "See: flask outbox list"),
        ("Create them: outbox db upgrade, or outbox.migrate(engine).", None),
        ("outbox mark-sent, or outbox retry", "flask outbox mark-sent, or flask outbox retry"),
        ("Create them: flask outbox db upgrade", "Create them: flask outbox db upgrade"),
        ("/opt/outbox/.venv/bin/outbox check", "/opt/outbox/.venv/bin/outbox check"),
        ("The outbox does not run", "The outbox does not run"),
    ],
)
def test_a_command_is_named_as_it_is_called_here(told: str, as_flask: str | None) -> None:
    assert addressed(told) == told
    with click.Context(click.Command("outbox"), info_name="flask outbox"):
        expected = as_flask or "Create them: flask outbox db upgrade, or outbox.migrate(engine)."
        assert addressed(told) == expected


def test_ctrl_c_ends_a_command_with_130() -> None:
    with pytest.raises(click.exceptions.Exit) as end, told_plainly():
        raise KeyboardInterrupt
    assert end.value.exit_code == 130
