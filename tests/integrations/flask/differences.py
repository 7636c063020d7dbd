"""Where we differ from Flask-Mail on purpose: what we do, why, and what that makes of its outcome."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.integrations.flask.differential import SENDER, TO, Outcome, Part, Sent


@dataclass(frozen=True)
class Difference:
    """One decision; `here` and `why` stand on the page, `expected` makes our outcome of theirs."""

    here: str
    why: str
    expected: Callable[[Outcome], Outcome]
    on_every_python: bool = True


def _each(change: Callable[[Sent], Sent]) -> Callable[[Outcome], Outcome]:
    return lambda theirs: replace(theirs, sent=tuple(map(change, theirs.sent)))


def _refused(error: str) -> Callable[[Outcome], Outcome]:
    return lambda _theirs: Outcome(error, (), (), 0)


def _taken(headers: dict[str, Any] | None = None, value: Any = None, **changes: Any) -> Outcome:
    """Return the outcome of a plain mail, but for `changes`."""
    plain: dict[str, Any] = {"subject": ["Hello"], "from": [[("", SENDER)]], "to": [[("", TO[0])]]} | (
        headers or {}
    )
    sent = Sent(SENDER, tuple(TO), plain, "text/plain", (_text("Hello."),), "now", b"")
    subject = str(plain["subject"][0])
    return Outcome(None, (replace(sent, **changes),), (subject,), 1, value)


def _text(content: str) -> Part:
    return Part("text/plain", content, charset="utf-8")


def _unwrapped(mail: Sent) -> Sent:
    return replace(mail, structure=mail.structure.removeprefix("mixed(").removesuffix(")"))


def _without_empty_text(mail: Sent) -> Sent:
    assert mail.parts[0].content == ""
    return replace(mail, structure="text/html", parts=mail.parts[1:])


def _whole(mail: Sent) -> Sent:
    # What Flask-Mail makes of a comma depends on the Python.
    name = 'The "best"' if "best" in str(mail.headers["from"]) else "Tea, hot"
    return replace(mail, sender=SENDER, headers=mail.headers | {"from": [[(name, SENDER)]]})


def _named(mail: Sent) -> Sent:
    hidden = {} if "cc" in mail.headers else {"to": [[("", "undisclosed-recipients:;")]]}
    assert mail.headers["to"] == [[("", "")]]
    others = {name: value for name, value in mail.headers.items() if name != "to"}
    return replace(mail, headers=others | hidden)


def _spaced(mail: Sent) -> Sent:
    subjects = [subject.replace("\t", " ") for subject in mail.headers["subject"]]
    return replace(mail, headers=mail.headers | {"subject": subjects})


def _lowered(mail: Sent) -> Sent:
    recipients = tuple(address.replace("EXAMPLE", "example") for address in mail.recipients)
    return replace(
        mail, recipients=recipients, headers=mail.headers | {"to": [[("", each) for each in recipients]]}
    )


def _as_utf8(mail: Sent) -> Sent:
    return replace(mail, parts=tuple(replace(part, charset="utf-8") for part in mail.parts))


def _file_as_utf8(mail: Sent) -> Sent:
    body, file = mail.parts
    return replace(mail, parts=(body, replace(file, content=str(file.content, "unicode_escape").encode())))  # type: ignore[arg-type] # a file is bytes


DIFFERENCES = {
    "alternatives alone": Difference(
        "Text and HTML are `multipart/alternative`, within `multipart/mixed` only beside files.",
        "Some readers show a paper clip at every `multipart/mixed`.",
        _each(_unwrapped),
    ),
    "no empty text": Difference(
        "HTML without a text goes alone.",
        "An empty text beside it is what readers of plain text, and filters, would see.",
        _each(_without_empty_text),
    ),
    "utf-8 always": Difference(
        "Every text is sent in UTF-8, whatever `charset` says.",
        "Every reader knows it, and no character is lost.",
        _each(_as_utf8),
    ),
    "files are UTF-8": Difference(
        "A file that is given as `str` is written in UTF-8.",
        "Flask-Mail writes escapes such as `\\u4f60` in its place.",
        _each(_file_as_utf8),
    ),
    "a fold is a space": Difference(
        "A folded subject is one line again, with a space for each fold, and for each tab.",
        "A tab in a subject is shown as a box.",
        _each(_spaced),
    ),
    "control characters are refused": Difference(
        "Any other control character in a subject raises InvalidEmailError.",
        "No reader can show it, and some relays refuse it.",
        _refused("InvalidEmailError"),
    ),
    "spaces stay": Difference(
        "Spaces at the start of a subject stay.",
        "As Flask-Mail writes them they belong to the colon, and are gone.",
        lambda _theirs: _taken({"subject": ["  Hello"]}),
    ),
    "a name stays whole": Difference(
        "A pair of name and address stays one, whatever the name holds.",
        "Flask-Mail writes a sender as one text and takes that apart again: `Tea, hot` becomes an address.",
        _each(_whole),
    ),
    "domains are in lower case": Difference(
        "The domain of an address is in lower case.",
        "It means the same, and equal addresses are then found to be equal.",
        _each(_lowered),
    ),
    "one copy each": Difference(
        "A recipient who is named twice, with and without a name, gets one copy; the order is yours.",
        "Flask-Mail collects texts in a set, so the order is another one in each process.",
        _each(lambda mail: replace(mail, recipients=tuple(sorted(set(mail.recipients))))),
    ),
    "To is never empty": Difference(
        "Without `recipients` there is no `To`, or for Bcc alone `undisclosed-recipients:;`.",
        "An empty `To` is against RFC 5322, and relays refuse it.",
        _each(_named),
    ),
    "mailboxes in any script": Difference(
        "An address beyond ASCII, as `zoë@example.org`, is sent as it is, to relays with SMTPUTF8.",
        "Flask-Mail fails with UnicodeEncodeError.",
        lambda _theirs: _taken({"to": [[("", "zoë@example.org")]]}, recipients=("zoë@example.org",)),
    ),
    "headers in any script": Difference(
        "`extra_headers` may be in any script, on every Python.",
        "Flask-Mail fails with UnicodeEncodeError on Python 3.11 and 3.12.",
        lambda _theirs: _taken({"x-order": ["Grüße"]}),
        on_every_python=False,
    ),
    "headers in pairs": Difference(
        "The headers of a file may be pairs, as before Flask-Mail 0.10.",
        "Much code that is around writes them so.",
        lambda _theirs: _taken(
            {"subject": ["File"]},
            ("a.png", "image/png", "attachment", {"Content-ID": "<logo>"}),
            structure="mixed(text/plain, image/png)",
            parts=(
                _text("Hello."),
                Part("image/png", b"\x89PNG\r\n\x1a\n\0", "a.png", "attachment", (("content-id", "<logo>"),)),
            ),
        ),
    ),
    "lines are kept short": Difference(
        "Long lines and 8-bit texts are encoded.",
        "Relays refuse or cut lines above 998 octets, and rewrite 8-bit texts, which breaks signatures.",
        lambda _theirs: _taken(parts=(_text("x" * 990 + " y" * 100),)),
    ),
    "never lost": Difference(
        "A connection sends also outside of a `with` block.",
        "Flask-Mail says that it has sent, and has not.",
        lambda _theirs: _taken(),
    ),
    "addresses are checked": Difference(
        "What is not plainly one address raises InvalidEmailError at the call, with the field and the value.",
        "Flask-Mail sends to what it makes of it, such as to each letter of a text in place of a list.",
        _refused("InvalidEmailError"),
    ),
    "line breaks are refused everywhere": Difference(
        "A line break in `cc` or `bcc` is a BadHeaderError, too.",
        "It is cut off silently there.",
        _refused("BadHeaderError"),
    ),
    "headers are checked": Difference(
        "`extra_headers` that would forge, double or betray (`Bcc`) a header raise InvalidEmailError.",
        "Flask-Mail writes them as they are.",
        _refused("InvalidEmailError"),
    ),
    "files are checked": Difference(
        "A file whose name, type or headers cannot be written raises InvalidEmailError.",
        "Flask-Mail writes broken parts.",
        _refused("InvalidEmailError"),
    ),
    "options do not travel": Difference(
        "`mail_options` and `rcpt_options` but for SMTPUTF8, BODY and SIZE raise InvalidEmailError.",
        "The daemon asks the relay for what a mail needs, and for reports by its setting `smtp_dsn_notify`.",
        _refused("InvalidEmailError"),
    ),
}
