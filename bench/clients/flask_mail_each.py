"""Flask-Mail as an application uses it in a request: make a Message, `mail.send()`, a connection each."""

from flask import Flask
from flask_mail import Mail, Message

from bench.clients.meter import measured
from bench.corpus import HTML, SENDER, TEXT, recipient, subject
from bench.postfix import HOST


def send_all(port: int, mails: int) -> None:
    """Send `mails` mails one after the other."""
    application = Flask("bench")
    application.config.update(MAIL_SERVER=HOST, MAIL_PORT=port, MAIL_DEFAULT_SENDER=SENDER)
    mail = Mail(application)
    with application.app_context():
        for n in range(mails):
            mail.send(Message(subject(n), recipients=[recipient(n)], body=TEXT, html=HTML))


if __name__ == "__main__":
    measured(send_all)
