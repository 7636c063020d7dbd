"""More calls that both libraries get: files, and what an application does with messages and connections."""

import warnings
from types import ModuleType
from typing import Any

from tests.integrations.flask.cases import PNG, case
from tests.integrations.flask.differential import SENDER, TO


def attached(name: str, *differences: str, config: dict[str, Any] | None = None, **file: Any) -> None:
    """Add the sending of a mail with one file."""

    @case(name, *differences, **(config or {}))
    def call(library: ModuleType, to: Any) -> Any:
        message = library.Message("File", TO, "Hello.")
        message.attach(**file)
        to.send(message)
        (made,) = message.attachments
        return made.filename, made.content_type, made.disposition, made.headers


attached("a file", filename="a.txt", content_type="text/plain", data="Hello")
attached("a file of bytes", filename="a.png", content_type="image/png", data=PNG)
attached("a file without a type", filename="a.pdf", data=b"%PDF")
attached("a file of an unknown type", filename="a.unknown", data=b"x")
attached("a text of an unknown type", filename="a.unknown", data="x")
attached("a file without a name", content_type="image/png", data=PNG)
attached("bytes alone", data=b"x")
attached("text alone", data="x")
attached("an empty file", filename="a.txt", content_type="text/plain", data=b"")
attached("no data", filename="a.txt", content_type="text/plain")
attached("a file inline", filename="a.png", content_type="image/png", data=PNG, disposition="inline")
attached("a file with headers", filename="a.png", content_type="image/png", data=PNG,
         disposition="inline", headers={"Content-ID": "<logo>", "X-Attachment-Id": "logo"})  # fmt: skip
attached("headers in pairs", "headers in pairs", filename="a.png", content_type="image/png", data=PNG,
         headers=[("Content-ID", "<logo>")])  # fmt: skip
attached("an image without a name", content_type="image/png", data=PNG, headers={"Content-ID": "<logo>"})
attached("a name in any script", filename="Grüße 你好.txt", content_type="text/plain", data="x")
attached("a name with spaces", filename="my file (1).txt", content_type="text/plain", data="x")
attached("a name with quotes", filename='my "file".txt', content_type="text/plain", data="x")
attached("a long name", filename="x" * 120 + ".txt", content_type="text/plain", data="x")
attached("a long name in any script", filename="ü" * 80 + ".txt", content_type="text/plain", data="x")
attached("a name made ASCII", filename="ünïcödé  ←→ ✓.txt", content_type="text/plain", data="x",
         config={"MAIL_ASCII_ATTACHMENTS": True})  # fmt: skip
attached("an ASCII name left as it is", filename="a.txt", content_type="text/plain", data="x",
         config={"MAIL_ASCII_ATTACHMENTS": True})  # fmt: skip
attached(
    "a file of text in any script",
    "files are UTF-8",
    filename="a.txt",
    content_type="text/plain",
    data="你好",
)
attached("a type with a charset", filename="a.csv", content_type="text/csv; charset=utf-8", data="a,b")
attached("a type that is none", "files are checked", filename="a.csv", content_type="csv", data="a,b")
attached("a message", "files are checked", filename="a.eml", content_type="message/rfc822", data="A: b\n\nc")
attached("a name with LF", "files are checked", filename="a\nb.txt", content_type="text/plain", data="x")
attached(
    "a header of a file with LF", "files are checked", filename="a.png", data=PNG, headers={"X-A": "b\nX: c"}
)
attached("Content-Disposition twice", "files are checked", filename="a.png", data=PNG,
         headers={"Content-Disposition": "inline"})  # fmt: skip


@case("files beside html")
def _files_and_html(library: ModuleType, mail: Any) -> None:
    message = library.Message("Files", TO, "Hello.", "<p>Hello</p>")
    message.attach("a.txt", "text/plain", "one")
    message.attach("b.png", "image/png", PNG, "inline", {"Content-ID": "<b>"})
    mail.send(message)


@case("files at the start")
def _files_given(library: ModuleType, mail: Any) -> None:
    files = [library.Attachment("a.txt", "text/plain", "one"), library.Attachment(data="two")]
    mail.send(library.Message("Files", TO, "Hello.", attachments=files))


@case("every argument by its position")
def _positions(library: ModuleType, mail: Any) -> None:
    mail.send(
        library.Message(
            "Subject", ["a@example.org"], "Body", "<p>", {"x-amp-html": "<i>"}, "s@example.org",
            ["c@example.org"], ["b@example.org"], [library.Attachment("a.txt", "text/plain", "one")],
            "r@example.org", 1e9, "utf-8", {"X-B": "c"}, ["BODY=8BITMIME"], [],
        )
    )  # fmt: skip


@case("the attributes of a message")
def _attributes(library: ModuleType, _mail: Any) -> Any:
    message = library.Message("Subject", sender=("Shop", "s@example.org"), html="<p>", cc=["c@example.org"])
    shown = {name: value for name, value in vars(message).items() if name != "msgId"}
    message.html = None
    return shown, message.html, message.alts, message.msgId.startswith("<")


@case("the recipients of a message equal a set")
def _send_to(library: ModuleType, _mail: Any) -> bool:
    message = library.Message("Subject", ["a@example.org"], cc=["b@example.org"], bcc=["a@example.org"])
    message.add_recipient(("C", "c@example.org"))
    return bool(message.send_to == {"a@example.org", "b@example.org", ("C", "c@example.org")})


@case("mail.send_message")
def _send_message(_library: ModuleType, mail: Any) -> None:
    mail.send_message("Hello", TO, "Hello.", sender="x@example.org")


@case("message.send")
def _message_sends(library: ModuleType, mail: Any) -> None:
    with mail.connect() as connection:
        library.Message("Hello", TO, "Hello.").send(connection)


@case("a connection for many", MAIL_MAX_EMAILS=2)
def _many(library: ModuleType, mail: Any) -> list[int]:
    counts = []
    with mail.connect() as connection:
        for number in range(5):
            connection.send(library.Message(str(number), TO, "Hello."))
            counts.append(connection.num_emails)
        connection.send_message("last", TO, "Hello.")
    return counts


@case("a connection is used again")
def _again(library: ModuleType, mail: Any) -> int:
    connection = mail.connect()
    for number in range(2):
        with connection:
            connection.send(library.Message(str(number), TO, "Hello."))
    return int(connection.num_emails)


@case("a connection that was never opened", "never lost")
def _unopened(library: ModuleType, mail: Any) -> None:
    mail.connect().send(library.Message("Hello", TO, "Hello."))


@case("an envelope of its own")
def _envelope(library: ModuleType, mail: Any) -> None:
    with mail.connect() as connection:
        connection.send(library.Message("Hello", TO, "Hello."), envelope_from="bounces@example.org")


@case("an envelope as a pair")
def _envelope_pair(library: ModuleType, mail: Any) -> None:
    with mail.connect() as connection:
        connection.send(library.Message("Hello", TO, "Hello."), ("Bounces", "bounces@example.org"))


@case("one bad mail among good ones")
def _bad_among_good(library: ModuleType, mail: Any) -> None:
    with mail.connect() as connection:
        connection.send(library.Message("good", TO, "Hello."))
        connection.send(library.Message("bad\n", TO, "Hello."))


@case("the same message twice")
def _twice(library: ModuleType, mail: Any) -> bool:
    message = library.Message("Hello", TO, "Hello.")
    mail.send(message)
    mail.send(message)
    return message.date is not None


@case("fields that are set later", "alternatives alone")
def _set_later(library: ModuleType, mail: Any) -> None:
    message = library.Message()
    message.subject, message.sender, message.body = "Later", "later@example.org", "Hello."
    message.html, message.recipients, message.reply_to = "<p>", ["ada@example.org"], "r@example.org"
    mail.send(message)


@case("a message of a subclass")
def _subclass(library: ModuleType, mail: Any) -> None:
    class Welcome(library.Message):  # type: ignore[name-defined,misc] # a class of either library
        def __init__(self, to: str) -> None:
            super().__init__("Welcome", [to], "Hello.")

    mail.send(Welcome("ada@example.org"))


@case("has_bad_headers")
def _has_bad_headers(library: ModuleType, _mail: Any) -> list[bool]:
    fields: list[dict[str, Any]] = [
        {},
        {"subject": "a\nb"},
        {"subject": "a\r\n b"},
        {"sender": "a@example.org\n"},
        {"reply_to": "a\r"},
    ]
    return [library.Message(recipients=TO, **each).has_bad_headers() for each in fields]


@case("is_bad_headers warns")
def _is_bad_headers(library: ModuleType, _mail: Any) -> Any:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = library.Message("a\nb", TO).is_bad_headers()
    return found, [each.category.__name__ for each in seen]


@case(
    "the state of the extension", MAIL_SERVER="127.0.0.1", MAIL_USERNAME=None, MAIL_MAX_EMAILS=7, MAIL_DEBUG=0
)
def _state(library: ModuleType, mail: Any) -> Any:
    names = (
        "server username password use_tls use_ssl default_sender debug max_emails suppress ascii_attachments"
    )
    values = [getattr(mail, name) for name in names.split()]
    return (
        values,
        mail.nothing,
        isinstance(mail.state, library._Mail),
        mail.state is mail.app.extensions["mail"],
    )


@case("init_mail")
def _init_mail(_library: ModuleType, mail: Any) -> Any:
    return vars(mail.init_mail({"MAIL_PORT": 7}, debug=True, testing=True))


for _text in ("plain", "Grüße", "日本", "a" * 100, "Grüße " * 20):
    for _charset in ("utf-8", "iso-8859-1", "ascii"):

        @case(f"sanitize_subject {_text[:6]} {_charset}")
        def _sanitize_subject(
            library: ModuleType, _mail: Any, text: str = _text, charset: str = _charset
        ) -> Any:
            return library.sanitize_subject(text, charset)


_ADDRESSES: list[Any] = [
    "a@example.org",
    "Ada <a@example.org>",
    ("Ädä", "a@example.org"),
    ("A, B", "a@example.org"),
    ("日本", "a@bücher.example"),
    "zoë@bücher.example",
    "zoë",
    ("", "a@example.org"),
]
for _address in _ADDRESSES:
    for _charset in ("utf-8", "iso-8859-1"):

        @case(f"sanitize_address {_address} {_charset}")
        def _sanitize_address(
            library: ModuleType, _mail: Any, address: Any = _address, charset: str = _charset
        ) -> Any:
            return library.sanitize_address(address, charset), library.sanitize_addresses([address])


for _value in ("text", b"bytes", "ü".encode(), 7, None, ValueError("a", "b"), ["x"]):

    @case(f"force_text {_value!r}")
    def _force_text(library: ModuleType, _mail: Any, value: Any = _value) -> Any:
        return library.force_text(value)


@case("force_text of other bytes")
def _force_text_fails(library: ModuleType, _mail: Any) -> Any:
    try:
        return library.force_text(b"\xff")
    except library.FlaskMailUnicodeDecodeError as error:
        return str(error), error.obj


@case("the default sender", MAIL_DEFAULT_SENDER=SENDER)
def _default_sender(library: ModuleType, mail: Any) -> Any:
    return library.Message().sender, mail.default_sender
