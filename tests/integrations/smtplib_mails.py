"""Mails as applications of smtplib make them, by the modern package of email and by the old one."""

from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

APP = "app@example.org"
ANN = "ann@example.org"
BOB = "bob@example.org"
DATE = "Fri, 21 Nov 1997 09:55:06 -0600"
HEAD = f"From: {APP}\nTo: {ANN}\nSubject: Hello\nDate: {DATE}\nMessage-ID: <1@x.example>\n"


def headed(message: Any, **more: str) -> Any:
    given = {"From": f"App <{APP}>", "To": f"Ann <{ANN}>", "Subject": "Grüße", **more}
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    message["Date"], message["Message-ID"] = DATE, "<2@x.example>"
    return message


def modern(content: str = "Hello.\n", **more: str) -> EmailMessage:
    message: EmailMessage = headed(EmailMessage(), **more)
    message.set_content(content)
    return message


def with_file() -> EmailMessage:
    message = modern("Grüße\n.dots\n..\n", Cc=BOB, Bcc="Eve <eve@example.org>")
    message.add_alternative("<p>Grüße</p>\n", subtype="html")
    message.add_attachment(bytes(range(256)), maintype="image", subtype="png", filename="logo ü.png")
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"==={number}===")  # else each time another
    return message


def legacy() -> MIMEMultipart:
    message: MIMEMultipart = headed(MIMEMultipart("alternative", "==="))
    message.attach(MIMEText("Grüße", "plain", "utf-8"))
    message.attach(MIMEText("<p>Hello</p>"))
    return message
