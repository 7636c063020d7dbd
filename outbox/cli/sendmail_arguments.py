"""Read the arguments of sendmail(8), as cron, PHP, git, mutt and mailx write them.

Most speak of what a mail server does with its queue, and mean nothing here; they are taken all the same.
"""

from dataclasses import dataclass, field

import click

_FLAGS = frozenset("GUvnimt")
"""Options without a value that may be written together, as `-ti`."""

_WITH_VALUE = frozenset("ABCDFhLNOopRrVXf")
"""Options whose value stands behind them, or in the next argument."""

_MODES = {
    "d": "run the daemon: outbox run",
    "D": "run the daemon: outbox run",
    "i": "there are no aliases",
    "p": "list the queue: outbox list",
    "s": "speak SMTP to a relay, or use outbox.integrations.smtplib",
    "v": "look at one mail: outbox why ID",
    "t": "try everything: outbox check",
    "h": "there is no host status",
}


@dataclass(slots=True)
class Arguments:
    """What was asked for. `sender` is the envelope's, `name` stands beside a missing From."""

    recipients: list[str] = field(default_factory=list)
    sender: str | None = None
    name: str = ""
    from_header: bool = False
    dot_ends: bool = True
    verbose: bool = False


def read_arguments(given: tuple[str, ...]) -> Arguments:
    """Return what `given` asks for. Raises UsageError for what cannot be done here."""
    told = Arguments()
    left = list(given)
    while left:
        word = left.pop(0)
        if word == "--":
            told.recipients += left
            break
        if not word.startswith("-") or word == "-":
            told.recipients.append(word)
        else:
            _option(word, left, told)
    return told


def _option(word: str, left: list[str], told: Arguments) -> None:
    letter, value = word[1], word[2:]
    if letter == "b":
        _refuse_other_modes(value)
    elif letter == "q":
        raise click.UsageError(f"{word}: the daemon sends what is queued by itself. Run it: outbox run")
    elif letter in _WITH_VALUE:
        if not value and not left:
            raise click.UsageError(f"{word}: a value is missing behind it.")
        _valued(letter, value or left.pop(0), told)
    elif letter in {"e", "d"}:
        # How errors are told (-em), and debugging (-d8): the value, if any, is in the same argument.
        return
    elif set(word[1:]) <= _FLAGS:
        for each in word[1:]:
            _flag(each, told)
    else:
        raise click.UsageError(f"{word}: there is no such option. See docs/check.md#outbox-sendmail.")


def _refuse_other_modes(mode: str) -> None:
    if mode != "m":
        hint = _MODES.get(mode, "leave it out")
        raise click.UsageError(f"-b{mode}: this only takes mail (-bm). In its place: {hint}.")


def _valued(letter: str, value: str, told: Arguments) -> None:
    match letter:
        case "f" | "r":
            told.sender = value
        case "F":
            told.name = value
        case "o":
            told.dot_ends = told.dot_ends and value != "i"
        case "O" if value.lower().startswith("ignoredots"):
            told.dot_ends = value.partition("=")[2].strip().lower() in {"false", "f", "no", "n", "0"}


def _flag(letter: str, told: Arguments) -> None:
    match letter:
        case "t":
            told.from_header = True
        case "i":
            told.dot_ends = False
        case "v":
            told.verbose = True
