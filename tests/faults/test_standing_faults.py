"""The faults of our standing with the relay: logins, throttles, grey lists, and manners that it demands."""

import time
from base64 import b64decode
from pathlib import Path

import pytest

from outbox.delivery.dialler import Dialler
from outbox.mail.verdict import Answer, Deferred, RelayFault
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, Script, scripted
from tests.support.sending import BODY, deliver, envelope, fault_of, kinds, relay_at

UP_TO: dict[Stage, list[str]] = {
    Stage.MAIL_FROM: [],
    Stage.RCPT_TO: ["250 ok"],
    Stage.DATA: ["250 ok", "250 ok"],
    Stage.END_OF_DATA: ["250 ok", "250 ok", "354 go"],
}
"""The good answers before that of each stage."""


def test_fault_56_a_token_that_expires_and_is_renewed_fails_nothing_and_is_read_anew(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    tokens: list[bytes] = []

    def server(*, takes: bool) -> Script:
        def script(peer: Peer) -> None:
            peer.greet("PIPELINING", "AUTH XOAUTH2")
            said = peer.hear("AUTH XOAUTH2").split()[2]
            tokens.append(b64decode(said).split(b"\1")[1])
            peer.say("235 2.7.0 welcome" if takes else "535 5.7.8 the token has expired")
            if takes:
                peer.take_mail()
                peer.take_quit()
            else:
                peer.hear_the_end()

        return script

    with scripted(server(takes=True), server(takes=False), server(takes=True)) as listening:
        relay = Dialler(
            relay_at(
                listening.port,
                username="me@example.com",
                mechanism="XOAUTH2",
                token_file=token_file,
                allow_plaintext_auth=True,
            )
        )
        token_file.write_text("first-token\n")
        assert kinds(deliver(relay, envelope()).verdicts[0]) == ["Sent"]
        fault = fault_of(relay)
        token_file.write_text("second-token\n")
        assert kinds(deliver(relay, envelope()).verdicts[0]) == ["Sent"]
    assert (fault.stage, fault.answer) == ("AUTH", Answer(535, "5.7.8", "the token has expired"))
    assert "first-token" not in fault.reason
    assert tokens == [b"auth=Bearer first-token", b"auth=Bearer first-token", b"auth=Bearer second-token"]


@pytest.mark.parametrize("stage", UP_TO)
@pytest.mark.parametrize(
    "words",
    [
        "454 Throttling failure: Maximum sending rate exceeded.",
        "454 4.7.0 Throttling failure: Daily message quota exceeded.",
        "450 4.7.1 Rate limit exceeded",
        "451 4.7.1 too many connections from you, slow down",
        "550 5.7.1 Message quota exceeded",
    ],
)
def test_fault_58_words_about_our_rate_blame_no_mail_and_end_the_connection(stage: Stage, words: str) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(*UP_TO[stage])
        if stage is Stage.END_OF_DATA:
            peer.hear_message()
        peer.say(words, *["503 5.5.1 bad sequence"] * (2 - len(UP_TO[stage])))
        if stage is not Stage.END_OF_DATA:
            peer.hear("RSET")
            peer.say("250 ok")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    (verdict,) = outcome.verdicts[0]
    assert isinstance(verdict, RelayFault)
    assert (verdict.stage, verdict.reason) == (stage.value, f"relay main: {stage}: {words}")
    assert not outcome.usable


def test_fault_58_too_many_connections_is_a_fault_of_the_relay_before_any_mail() -> None:
    def server(peer: Peer) -> None:
        peer.say("421 4.7.0 Too many connections from 192.0.2.1")
        peer.hear_the_end()
        assert peer.heard == b""

    with scripted(server) as relay:
        assert fault_of(relay_at(relay.port)).stage == "greeting"


def test_fault_59_a_grey_listed_mail_is_deferred_and_comes_again_with_the_same_envelope(
    writes: list[bytes],
) -> None:
    words = "450 4.2.0 <b@example.com>: Recipient address rejected: Greylisted"

    def grey(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", words, "554 5.5.1 no valid recipients")
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_quit()

    def white(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail() == BODY
        peer.take_quit()

    with scripted(grey, white) as listening:
        relay = Dialler(relay_at(listening.port))
        first = deliver(relay, envelope())
        second = deliver(relay, envelope())
    text = words.removeprefix("450 4.2.0 ")
    assert first.verdicts == [[Deferred("RCPT TO", f"RCPT TO: {words}", Answer(450, "4.2.0", text))]]
    assert kinds(second.verdicts[0]) == ["Sent"]
    ours = [each for each in writes if each.startswith(b"MAIL")]
    assert len(ours) == 2
    assert ours[0] == ours[1]


def test_fault_59_nothing_is_said_before_the_banner_and_nothing_ahead_unless_it_is_offered(
    talk: list[bytes],
) -> None:
    """What postscreen looks for: a client that talks early, or pipelines what was never announced."""

    def server(peer: Peer) -> None:
        came = time.monotonic()
        peer.wait_until(lambda: bool(talk) or time.monotonic() - came > 0.1)
        peer.greet()
        for verb, answer in [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go")] * 2:
            peer.hear(verb)
            peer.say(answer)
            if verb == "DATA":
                peer.hear_message()
                peer.say("250 taken")
        peer.take_quit()

    with scripted(server) as relay:
        deliver(relay_at(relay.port), envelope(), envelope())
    mail = [
        b"MAIL FROM:<a@example.com>\r\n",
        b"250 ok\r\n",
        b"RCPT TO:<b@example.com>\r\n",
        b"250 ok\r\n",
        b"DATA\r\n",
        b"354 go\r\n",
        BODY + b".\r\n",
        b"250 taken\r\n",
    ]
    begun = [b"220 mail.example ESMTP\r\n", b"EHLO localhost\r\n", b"250 mail.example\r\n"]
    assert talk == [*begun, *mail, *mail, b"QUIT\r\n", b"221 bye\r\n"]


def test_fault_59_the_first_envelope_waits_for_the_answer_to_ehlo(talk: list[bytes]) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail("250 taken")
        peer.take_quit()

    with scripted(server) as relay:
        deliver(relay_at(relay.port), envelope())
    assert talk == [
        b"220 mail.example ESMTP\r\n",
        b"EHLO localhost\r\n",
        b"250-mail.example\r\n250 PIPELINING\r\n",
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n",
        b"250 ok\r\n250 ok\r\n354 go\r\n",
        BODY + b".\r\n",
        b"250 taken\r\n",
        b"QUIT\r\n",
        b"221 bye\r\n",
    ]
