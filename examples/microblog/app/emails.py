"""The mails of Microblog, sent in each of the ways of the tutorial."""

from threading import Thread

from config import ADMINS
from flask import Flask, render_template

from app import app, mail
from app.decorators import in_background
from app.models import User
from outbox.integrations.flask import Message


def send_email(subject: str, sender: str, recipients: list[str], text_body: str, html_body: str) -> None:
    """Send a mail with a text and an HTML part, in the way that the settings name."""
    msg = Message(subject, sender=sender, recipients=recipients)
    msg.body = text_body
    msg.html = html_body
    WAYS[app.config["SEND_EMAIL"]](msg)


def follower_notification(followed: User, follower: User) -> None:
    """Tell somebody who follows them now."""
    send_email(
        f"[microblog] {follower.nickname} is now following you!",
        ADMINS[0],
        [followed.email],
        render_template("follower_email.txt", user=followed, follower=follower),
        render_template("follower_email.html", user=followed, follower=follower),
    )


# The first way: the page waits for the mail.
def send_plainly(msg: Message) -> None:
    """Send it now."""
    mail.send(msg)


# The second way: a thread for each mail.
def send_async_email(app: Flask, msg: Message) -> None:
    """Send it, with an application context of its own."""
    with app.app_context():
        mail.send(msg)


def send_in_thread(msg: Message) -> None:
    """Send it while the page goes on."""
    Thread(target=send_async_email, args=[app, msg]).start()


# The third way: the same, by a decorator.
@in_background
def send_decorated(msg: Message) -> None:
    """Send it while the page goes on."""
    with app.app_context():
        mail.send(msg)


WAYS = {"plainly": send_plainly, "in a thread": send_in_thread, "decorated": send_decorated}
