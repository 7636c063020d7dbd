"""Flasky: it greets its visitors, and tells its administrator of each new one."""

import os
import secrets
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, redirect, render_template, session, url_for
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired

from outbox.integrations.flask import Mail, Message

folder = Path(os.environ.get("EXAMPLE_FOLDER", Path(__file__).resolve().parent))

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY") or secrets.token_hex()
app.config["SQLALCHEMY_DATABASE_URI"] = (
    os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'flasky.sqlite3'}"
)
# Gmail, with an account and its password of the environment; never in a file that others read.
app.config["MAIL_SERVER"] = os.environ.get("MAIL_SERVER", "smtp.googlemail.com")
app.config["MAIL_PORT"] = int(os.environ.get("MAIL_PORT", "587"))
app.config["MAIL_USE_TLS"] = os.environ.get("MAIL_USE_TLS", "true").lower() in {"true", "on", "1"}
app.config["MAIL_USERNAME"] = os.environ.get("MAIL_USERNAME")
app.config["MAIL_PASSWORD"] = os.environ.get("MAIL_PASSWORD")
app.config["FLASKY_MAIL_SUBJECT_PREFIX"] = "[Flasky]"
app.config["FLASKY_MAIL_SENDER"] = "Flasky Admin <flasky@example.com>"
app.config["FLASKY_ADMIN"] = os.environ.get("FLASKY_ADMIN")

db = SQLAlchemy(app)
mail = Mail(app)


class User(db.Model):
    """A visitor who has given a name."""

    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(64), unique=True, index=True)


class NameForm(FlaskForm):
    """Asks for a name."""

    name = StringField("What is your name?", validators=[DataRequired()])
    submit = SubmitField("Submit")


def send_async_email(app: Flask, msg: Message) -> None:
    """Send it, with an application context of its own."""
    with app.app_context():
        mail.send(msg)


def send_email(to: str, subject: str, template: str, **kwargs: Any) -> Thread:
    """Send what the templates TEMPLATE.txt and TEMPLATE.html make; return the thread that does."""
    msg = Message(
        f"{app.config['FLASKY_MAIL_SUBJECT_PREFIX']} {subject}",
        sender=app.config["FLASKY_MAIL_SENDER"],
        recipients=[to],
    )
    msg.body = render_template(template + ".txt", **kwargs)
    msg.html = render_template(template + ".html", **kwargs)
    thr = Thread(target=send_async_email, args=[app, msg])
    thr.start()
    return thr


@app.route("/", methods=["GET", "POST"])
def index() -> str | Response:
    """Greet a visitor; keep the name of a new one, and tell the administrator."""
    form = NameForm()
    if form.validate_on_submit():
        user = db.session.scalar(db.select(User).filter_by(username=form.name.data))
        if user is None:
            user = User(username=form.name.data)
            db.session.add(user)
            db.session.commit()
            session["known"] = False
            if app.config["FLASKY_ADMIN"]:
                send_email(app.config["FLASKY_ADMIN"], "New User", "mail/new_user", user=user)
        else:
            session["known"] = True
        session["name"] = form.name.data
        return redirect(url_for("index"))
    return render_template(
        "index.html", form=form, name=session.get("name"), known=session.get("known", False)
    )


with app.app_context():
    db.create_all()
