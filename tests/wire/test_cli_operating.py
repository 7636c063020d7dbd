"""Pauses, addresses that get no mail, the live view and completion, as their user meets them."""

import json
import os
import pty
import re
import select
import signal
import subprocess

import pytest

from tests.support.calling import OUTBOX, call, refused, sent_id, value

pytestmark = pytest.mark.usefixtures("outbox_here")


def test_a_stream_a_relay_and_all_mail_are_paused_shown_and_resumed() -> None:
    assert call("pause").stdout == "Nothing is paused.\n"
    said = call("pause", "--stream", "Bulk", "--why", "prices are wrong", "--who", "ann").stdout
    assert said.startswith("Paused the stream 'Bulk'.\n")
    assert re.search(r"the stream 'Bulk' +\S+ \S+Z +ann +prices are wrong", said)
    again = call("pause", "--stream", "Bulk", "--why", "other", "--who", "bob").stdout
    assert again.startswith("The stream 'Bulk' was paused already.\n")
    assert "prices are wrong" in again
    call("pause", "--relay", "main")
    call("pause", "--all")
    rows = [json.loads(line) for line in call("pause", "--json").stdout.splitlines()]
    assert [(row["stream"], row["relay"]) for row in rows] == [(None, None), (None, "main"), ("Bulk", None)]
    for gate in (("--all",), ("--relay", "main"), ("--stream", "Bulk")):
        assert call("resume", *gate).exit_code == 0
    assert call("pause").stdout == "Nothing is paused.\n"


def test_what_was_not_paused_is_told_with_what_is() -> None:
    call("pause", "--relay", "main")
    code, said = refused("resume", "--stream", "bulk")
    assert (code, said) == (
        69,
        "Error: Nothing to resume: the stream 'bulk' was not paused. Paused: the relay 'main'.\n",
    )


@pytest.mark.parametrize(
    "args",
    [
        ("pause", "--why", "x"),
        ("pause", "--all", "--stream", "bulk"),
        ("pause", "--stream", "two words"),
        ("resume",),
        ("resume", "--all", "--relay", "main"),
        ("suppress", "eve@example.org"),
        ("suppress", "eve", "--why", "x"),
        ("suppress", "eve@example.org", "--why", " "),
        ("top", "--interval", "0"),
        ("completion", "csh"),
    ],
)
def test_a_wrong_call_changes_nothing(args: tuple[str, ...]) -> None:
    assert refused(*args)[0] == 64
    assert value("SELECT count(*) FROM outbox_gate") == value("SELECT count(*) FROM outbox_suppression") == 0


def test_an_address_is_suppressed_shown_and_let_go() -> None:
    assert call("suppressions").stdout == "No address is suppressed.\n"
    call("suppress", "Eve@Example.org", "--why", "she asked", "--who", "ann")
    shown = call("suppressions").stdout
    assert re.search(r"^eve@example.org +\S+ \S+Z +ann +she asked$", shown, re.MULTILINE)
    assert "the reason is changed" in call("suppress", "eve@example.org", "--why", "law").stdout
    assert [json.loads(line)["why"] for line in call("suppressions", "--json").stdout.splitlines()] == ["law"]
    assert call("unsuppress", "EVE@example.org").exit_code == 0
    code, said = refused("unsuppress", "eve@example.org")
    assert (code, "'eve@example.org' is not suppressed" in said) == (69, True)


def test_programs_get_what_has_come_what_has_gone_and_what_is_still_paused() -> None:
    for args in (
        ("suppress", "Eve@Example.org", "--why", "law", "--who", "ann"),
        ("unsuppress", "EVE@example.org"),
    ):
        done = call(*args, "--json")
        told = json.loads(done.stdout)
        assert (told["address"], told["why"], told["who"]) == ("eve@example.org", "law", "ann")
        assert done.stderr.startswith("It gets ")
    call("pause", "--relay", "main")
    call("pause", "--stream", "bulk")
    done = call("resume", "--stream", "bulk", "--json")
    assert json.loads(done.stdout)["relay"] == "main"
    assert done.stderr == "Resumed the stream 'bulk'.\n"
    assert call("resume", "--relay", "main", "--json").stdout == ""


@pytest.mark.parametrize("args", [("top",), ("top", "--once")])
def test_without_a_terminal_one_frame_is_printed(args: tuple[str, ...]) -> None:
    sent_id("--stream", "bulk")
    shown = call(*args).stdout
    assert re.search(r"^bulk +pending +1\b", shown, re.MULTILINE)
    assert "No daemon runs: outbox run" in shown


def test_a_terminal_is_drawn_anew_until_a_signal_ends_it() -> None:
    sent_id("--stream", "bulk")
    mine, its = pty.openpty()
    environment = {name: each for name, each in os.environ.items() if name != "NO_COLOR"} | {
        "TERM": "xterm",
        "COLUMNS": "100",
        "LINES": "40",
    }
    command = [*OUTBOX, "top", "--interval", "0.5"]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as process:
        os.close(its)
        try:
            shown = _until(mine, b"bulk")
            call("hold", "--stream", "bulk", "--yes")
            shown = _until(mine, b"held")
            process.send_signal(signal.SIGINT)
            _drain(mine)
        finally:
            process.terminate()
    os.close(mine)
    assert b"Traceback" not in shown
    assert process.returncode == 0


def _until(terminal: int, words: bytes) -> bytes:
    shown = b""
    while words not in shown:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, shown
        shown += os.read(terminal, 65536)
    return shown


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # the terminal of a process that has ended
        return


def test_the_shell_accepts_its_script_and_gets_verbs_and_options_from_it() -> None:
    script = call("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert "_OUTBOX_COMPLETE=zsh_complete" in call("completion", "zsh").stdout
    assert "_OUTBOX_COMPLETE=fish_complete" in call("completion", "fish").stdout
    for words, count, found in (
        ("outbox re", 1, {"retry", "release", "resume"}),
        ("outbox pause --s", 2, {"--stream"}),
        ("outbox list --status exp", 3, {"expired"}),
    ):
        told = {"COMP_WORDS": words, "COMP_CWORD": str(count), "_OUTBOX_COMPLETE": "bash_complete"}
        done = subprocess.run(
            [OUTBOX[0], "-c", "from outbox.cli import main; main()"],
            env=os.environ | told, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert {line.partition(",")[2] for line in done.stdout.splitlines()} == found
