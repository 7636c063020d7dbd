"""The calls that both libraries get, by name, each with the differences that are accepted for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tests.integrations.flask.differential import TO, Call

PNG = b"\x89PNG\r\n\x1a\n\x00"


@dataclass(frozen=True)
class Case:
    """One call."""

    name: str
    call: Call
    differences: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def mail(name: str, *differences: str, config: dict[str, Any] | None = None, **fields: Any) -> None:
    """Add the sending of a Message with these fields."""
    given = {"subject": "Hello", "recipients": TO, "body": "Hello."} | fields
    given = {key: value for key, value in given.items() if value is not ...}

    def call(library: ModuleType, to: Any) -> None:
        to.send(library.Message(**given))

    CASES.append(Case(name, call, differences, config or {}))


def case(name: str, *differences: str, **config: Any) -> Callable[[Call], Call]:
    """Add a call of its own."""

    def add(call: Call) -> Call:
        CASES.append(Case(name, call, differences, config))
        return call

    return add


# Bodies.
mail("a text")
mail("no body", body=...)
mail("an empty body", body="")
mail("a text in any script", body="Grüße, 你好 🎉")
mail("a text of many lines", body="one\ntwo\r\nthree\n\nfour")
mail("a text with dots at the start of lines", body=".\n..\n.x")
mail("a line of a thousand letters", "lines are kept short", body="x" * 990 + " y" * 100)
mail("a text with From at its start", body="From here\n>From there")
mail("a lazy text", body=type("Lazy", (str,), {})("lazy"))
mail("html alone", "no empty text", body=None, html="<p>Hello</p>")
mail("html with an empty text", "no empty text", body="", html="<p>Hello</p>")
mail("text and html", "alternatives alone", html="<p>Hello</p>")
mail("html in any script", "alternatives alone", html="<p>Grüße 🎉</p>")
mail("alts with html, which the argument html takes out", alts={"html": "<p>Hello</p>"})
mail("alts as pairs", "alternatives alone", alts=[("html", "<b>x</b>"), ("x-amp-html", "<i>x</i>")])
mail("alts of another subtype", "alternatives alone", alts={"calendar": "BEGIN:VCALENDAR"})
mail("html beats the one in alts", "alternatives alone", alts={"html": "<a>"}, html="<b>")
mail("charset latin", "utf-8 always", body="Grüße", charset="iso-8859-1")
mail("charset of japanese", "utf-8 always", body="日本語", subject="日本", charset="iso-2022-jp")
mail("charset utf-8", body="Grüße", charset="utf-8")

# Subjects.
mail("no subject", subject=...)
mail("an empty subject", subject="")
mail("a subject in any script", subject="Grüße 你好 🎉")
mail("a long subject", subject="word " * 60 + "end")
mail("a long subject in any script", subject="Grüße " * 40 + "Ende")
mail("an unbroken subject", subject="x" * 300)
mail("a folded subject", subject="one\r\n two")
mail("a folded subject by a tab", "a fold is a space", subject="one\r\n\ttwo")
mail("a subject with a tab", "a fold is a space", subject="one\ttwo")
mail("a subject with an escape", "control characters are refused", subject="\x1b[31mred")
mail("a subject that begins with spaces", "spaces stay", subject="  Hello")
mail("a lazy subject", subject=type("Lazy", (str,), {})("lazy"))
for _name, _bad in {
    "LF": "one\ntwo",
    "CR": "one\rtwo",
    "CRLF": "one\r\ntwo",
    "CRLF at the end": "one\r\n",
    "an empty fold": "one\r\n \r\n two",
    "CRLF at the start": "\r\nBcc: x@example.org",
    "a fold of an empty line": "one\r\n\r\n two",
    "LF in a fold": "one\r\n two\nthree",
}.items():
    mail(f"a subject with {_name}", subject=_bad)

# Senders.
mail("a sender with a name", sender="Shop <shop@example.org>")
mail("a sender as a pair", sender=("Shop", "shop@example.org"))
mail("a sender in any script", sender=("Käse 店", "shop@example.org"))
mail("a sender with a comma", "a name stays whole", sender=("Tea, hot", "shop@example.org"))
mail("a sender with a quote", "a name stays whole", sender=('The "best"', "shop@example.org"))
mail("a sender without a name", sender=("", "shop@example.org"))
mail("no sender", sender=None, config={"MAIL_DEFAULT_SENDER": None})
mail("no sender and no recipient", config={"MAIL_DEFAULT_SENDER": None}, recipients=[])
mail("the default sender as a pair", config={"MAIL_DEFAULT_SENDER": ("Shop", "shop@example.org")})
mail("the default sender with a name", config={"MAIL_DEFAULT_SENDER": "Shop <shop@example.org>"})
mail("a sender beats the default one", sender="other@example.org")
mail("a sender with LF", sender="shop@example.org\nBcc: x@example.org")
mail("a pair as sender with LF", sender=("Shop\nBcc: x", "shop@example.org"))
mail("a sender with CR", sender="shop@example.org\r")
mail("a sender in brackets alone", sender="<shop@example.org>")
mail("a sender that is no address", "addresses are checked", sender="shop")
mail("a sender of an international domain", sender="shop@bücher.example")

# Recipients.
mail("no recipients", recipients=[])
mail("None as recipients", recipients=None)
mail("two recipients", recipients=["ada@example.org", "bob@example.org"])
mail("a recipient with a name", recipients=["Ada <ada@example.org>"])
mail("a recipient as a pair", recipients=[("Ada", "ada@example.org")])
mail("recipients in any script", recipients=[("Ädä", "ada@example.org"), "Bøb <bob@example.org>"])
mail("a quoted name", recipients=['"Lovelace, Ada" <ada@example.org>'])
mail("a pair with a comma", recipients=[("Lovelace, Ada", "ada@example.org")])
mail("an unquoted comma", "addresses are checked", recipients=["Lovelace, Ada <ada@example.org>"])
mail("twice the same", recipients=["ada@example.org", "ada@example.org"])
mail("twice with and without name", "one copy each", recipients=["ada@example.org", "Ada <ada@example.org>"])
mail("the same in to and cc", cc=TO)
mail("the same in all three", cc=TO, bcc=TO)
mail("cc", cc=["bob@example.org"])
mail("cc with names", cc=[("Bob", "bob@example.org"), "Cy <cy@example.org>"])
mail("bcc", bcc=["bob@example.org"])
mail("cc alone", "To is never empty", recipients=[], cc=["bob@example.org"])
mail("bcc alone", "To is never empty", recipients=[], bcc=["bob@example.org"])
mail("many", recipients=[f"r{number}@example.org" for number in range(60)])
mail("an international domain", recipients=["ada@bücher.example"])
mail("a domain in capitals", "domains are in lower case", recipients=["ada@EXAMPLE.org"])
mail("a local part beyond ASCII", "mailboxes in any script", recipients=["zoë@example.org"])
mail("a recipient that is no address", "addresses are checked", recipients=["ada"])
mail("an empty recipient", "addresses are checked", recipients=[""])
mail("two in one", "addresses are checked", recipients=["ada@example.org, bob@example.org"])
mail("text as recipients", "addresses are checked", recipients="ada@example.org")
mail("a tuple of recipients", recipients=("ada@example.org", "bob@example.org"))
mail("a recipient with LF", recipients=["ada@example.org\nBcc: x@example.org"])
mail("a pair as recipient with LF", recipients=[("Ada\nBcc: x", "ada@example.org")])
mail("the second recipient with CR", recipients=["ada@example.org", "bob@example.org\r"])
mail("cc with LF", "line breaks are refused everywhere", cc=["bob@example.org\nBcc: x@example.org"])
mail("bcc with LF", "line breaks are refused everywhere", bcc=["bob@example.org\nX: x@example.org"])

# Other headers.
mail("reply_to", reply_to="help@example.org")
mail("reply_to with a name", reply_to="Help <help@example.org>")
mail("reply_to as a pair", reply_to=("Help", "help@example.org"))
mail("reply_to with LF", reply_to="help@example.org\nX: y")
mail("a pair as reply_to with CR", reply_to=("Help\r", "help@example.org"))
mail("extra headers", extra_headers={"X-Order": "42", "List-Id": "<news.example.org>"})
mail("an extra header in any script", "headers in any script", extra_headers={"X-Order": "Grüße"})
mail("a long extra header", extra_headers={"X-Order": "word " * 50 + "end"})
mail("Reply-To as an extra header", extra_headers={"Reply-To": "help@example.org"})
mail("Sender as an extra header", extra_headers={"Sender": "robot@example.org"})
mail("List-Unsubscribe", extra_headers={"List-Unsubscribe": "<https://example.org/leave?u=7>"})
mail("an extra header with LF", "headers are checked", extra_headers={"X-A": "b\nBcc: x"})
mail("a name of a header with LF", "headers are checked", extra_headers={"X-A\nX-B": "b"})
mail("Bcc as an extra header", "headers are checked", extra_headers={"Bcc": "x@example.org"})
mail("Subject as an extra header", "headers are checked", extra_headers={"Subject": "x"})
mail("Message-ID as an extra header", "headers are checked", extra_headers={"Message-ID": "<x@y>"})
mail("From as an extra header", "headers are checked", extra_headers={"From": "x@example.org"})
mail("a date", date=1_000_000_000.0)
mail("a date of 1970", date=0.5)
mail("mail_options", mail_options=["BODY=8BITMIME"])
mail("mail_options for UTF-8", mail_options=["SMTPUTF8"])
mail("unknown mail_options", "options do not travel", mail_options=["XSTREAM=1"])
mail("unknown rcpt_options", "options do not travel", rcpt_options=["XNOTIFY=NEVER"])

# Suppressed.
_SUPPRESSED: list[dict[str, Any]] = [
    {},
    {"recipients": []},
    {"subject": "a\nb"},
    {"recipients": ["no address"]},
]
for _fields in _SUPPRESSED:
    mail(f"suppressed {_fields}", config={"MAIL_SUPPRESS_SEND": True}, **_fields)
mail("testing", config={"TESTING": True})
mail("testing, and not suppressed", config={"TESTING": True, "MAIL_SUPPRESS_SEND": False})
