"""The server's side of one SMTP connection, which fails as it was told to and is otherwise correct."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from outbox.testing.attempt import Attempt
from outbox.testing.faults import Plan, Silence, after, taken

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from outbox.testing.faults import Step

_ADDRESS = re.compile(r"<([^<>]*)>")
_ALWAYS = {
    "NOOP": "250 2.0.0 Ok",
    "VRFY": "252 2.0.0 Send some mail",
    "HELP": "214 2.0.0 RFC 5321",
    "QUIT": "221 2.0.0 Bye",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server offers and bears; None is any number."""

    extensions: Sequence[str]
    tls: ssl.SSLContext | None
    mails: int | None
    recipients: int | None
    bytes: int


class GoneError(Exception):
    """The connection is over."""


class Conversation:
    """One connection, from the greeting on. `seen` is called with what has changed, after it has."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        plan: Plan,
        limits: Limits,
        seen: Callable[[Attempt], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._plan = plan
        self._limits = limits
        self._seen = seen
        self._offers_tls = limits.tls is not None and writer.get_extra_info("ssl_object") is None
        self._mails = 0
        self._in_mail = False
        self._attempt = Attempt(number)

    async def run(self) -> None:
        """Talk until somebody leaves; raises GoneError, or what a fault's own function raises."""
        await self._answer("greeting", "220 faulty.example ESMTP")
        while True:
            line = (await self._line()).decode("utf-8", "replace").rstrip("\r\n")
            verb, _, argument = line.partition(" ")
            await self._obey(verb.upper(), argument)

    async def refuse(self, reply: str) -> NoReturn:
        """Say `reply` in place of the greeting, and leave."""
        await self._say(reply)
        raise GoneError

    async def _obey(self, verb: str, argument: str) -> None:
        match verb:
            case "EHLO":
                self._forget_mail(argument)
                await self._answer("ehlo", *self._offers())
            case "HELO":
                self._forget_mail(argument)
                await self._say("250 faulty.example")
            case "STARTTLS" if self._offers_tls:
                await self._start_tls()
            case "AUTH":
                await self._authenticate(argument)
            case "MAIL":
                await self._begin(argument)
            case "RCPT":
                await self._add(argument)
            case "DATA":
                await self._take()
            case "RSET":
                self._forget_mail()
                await self._say("250 2.0.0 Ok")
            case _:
                await self._say(_ALWAYS.get(verb, "500 5.5.2 Unknown command"))
        if verb == "QUIT":
            raise GoneError

    def _offers(self) -> list[str]:
        starttls = ["STARTTLS"] if self._offers_tls else []
        lines = ["faulty.example", *self._limits.extensions, *starttls]
        return [*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]

    async def _start_tls(self) -> None:
        if await self._answer("starttls", "220 2.0.0 Go ahead") and self._limits.tls is not None:
            await self._writer.start_tls(self._limits.tls)
            self._offers_tls = False

    async def _authenticate(self, argument: str) -> None:
        """Hear what the mechanisms PLAIN and LOGIN say, and believe it."""
        mechanism, _, response = argument.partition(" ")
        asked = {"PLAIN": [""], "LOGIN": ["Username:", "Password:"]}.get(mechanism.upper(), [])
        for prompt in asked[bool(response) :]:
            await self._say(f"334 {base64.b64encode(prompt.encode()).decode()}")
            response = (await self._line()).decode("ascii", "replace").strip()
            if not _is_base64(response):
                await self._say("501 5.5.2 Not base64")
                return
        await self._answer("auth", "235 2.7.0 Welcome" if asked else "504 5.5.4 Only PLAIN and LOGIN")

    async def _begin(self, argument: str) -> None:
        self._forget_mail()
        if self._limits.mails is not None and self._mails >= self._limits.mails:
            await self._say("421 4.7.0 Too many mails on this connection")
        self._attempt.sender = _address(argument)
        self._in_mail = await self._answer("mail", "250 2.1.0 Ok", address=self._attempt.sender)
        self._mails += self._in_mail
        self._seen(self._attempt)
        if not self._in_mail:
            self._forget_mail()

    async def _add(self, argument: str) -> None:
        attempt = self._attempt
        if not self._in_mail:
            await self._say("503 5.5.1 Need MAIL first")
            return
        recipient = _address(argument)
        if self._limits.recipients is not None and len(attempt.recipients) >= self._limits.recipients:
            await self._say("452 4.5.3 Too many recipients")
            attempt.refused[recipient] = attempt.answer
        elif await self._answer("rcpt", "250 2.1.5 Ok", address=recipient):
            attempt.recipients.append(recipient)
        else:
            attempt.refused[recipient] = attempt.answer
        self._seen(attempt)

    async def _take(self) -> None:
        if not self._in_mail or not self._attempt.recipients:
            await self._say("554 5.5.1 No valid recipients" if self._in_mail else "503 5.5.1 Need MAIL first")
        elif await self._answer("data", "354 Go on"):
            content = await self._content()
            await self._end(content)
        else:
            self._seen(self._attempt)
        self._forget_mail()

    async def _content(self) -> bytes | None:
        """Return a message to its final dot, the dots unstuffed; None for one that is too large."""
        lines: list[bytes] = []
        size = 0
        while (line := await self._line()) != b".\r\n":
            if not size:
                await self._hesitate()
            size += len(line)
            if size <= self._limits.bytes:
                lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines) if size <= self._limits.bytes else None

    async def _hesitate(self) -> None:
        """Do what the plan says when the first line has come: at most wait, or never read the rest."""
        step = self._plan.step("body", self._attempt)
        if isinstance(step, after):
            await asyncio.sleep(step.seconds)
            step = step.then
        if step is not None:
            await self._do(step)
            raise GoneError

    async def _end(self, content: bytes | None) -> None:
        attempt = self._attempt
        attempt.content = content or b""
        step = self._plan.step("end_of_data", attempt)
        usual = "552 5.3.4 Too large" if content is None else "250 2.0.0 Ok: taken"
        is_taken = isinstance(step, taken)
        step = step.then if isinstance(step, taken) else step
        attempt.answer = _last(step, usual)
        attempt.taken = is_taken or attempt.answer.startswith("2")
        # Before the answer: whoever has heard it may look here at once.
        self._seen(attempt)
        await self._do(step, usual)

    def _forget_mail(self, client: str | None = None) -> None:
        self._in_mail = False
        self._attempt = Attempt(self._attempt.connection, self._attempt.client if client is None else client)

    async def _answer(self, stage: str, *usual: str, address: str = "") -> bool:
        """Do what the plan says, or the usual; return whether that lets the client go on."""
        step = self._plan.step(stage, self._attempt, address)
        await self._do(step, *usual)
        return self._attempt.answer[:1] in {"2", "3"}

    async def _do(self, step: Step, *usual: str) -> None:
        if isinstance(step, after):
            await asyncio.sleep(step.seconds)
            step = step.then
        if isinstance(step, Silence):
            self._attempt.answer = step.value
            self._seen(self._attempt)
            await self._be_silent(step)
        await self._say(*(usual if step is None else [str(step)]))

    async def _be_silent(self, how: Silence) -> NoReturn:
        if how is Silence.CUT:
            self._writer.transport.abort()
        while await self._reader.read(65536):
            pass
        raise GoneError

    async def _say(self, *lines: str) -> None:
        self._attempt.answer = lines[-1]
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()
        if lines[-1].startswith("421"):
            self._seen(self._attempt)
            raise GoneError  # RFC 5321 section 3.8: it says so, and closes

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError:
            raise GoneError from None
        except asyncio.LimitOverrunError:
            await self.refuse("500 5.5.2 Line too long")


def _last(step: Step, usual: str) -> str:
    then = step.then if isinstance(step, after | taken) else step
    return usual if then is None else then.value if isinstance(then, Silence) else str(then)


def _address(argument: str) -> str:
    found = _ADDRESS.search(argument)
    return found[1] if found else ""


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True
