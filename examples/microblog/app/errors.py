"""What happens when something breaks: a page for the visitor, and a mail for the administrators."""

import logging

from config import ADMINS
from flask import render_template

from app import app, db
from outbox.integrations.logging import OutboxHandler

if app.config["MAIL_ERRORS"]:
    with app.app_context():
        handler = OutboxHandler(db.engine, ADMINS[0], ADMINS, "[microblog] an error")
    handler.setLevel(logging.ERROR)
    app.logger.addHandler(handler)


@app.errorhandler(404)
def not_found(_: Exception) -> tuple[str, int]:
    """Tell that there is no such page."""
    return render_template("404.html"), 404


@app.errorhandler(500)
def internal_error(_: Exception) -> tuple[str, int]:
    """Undo what was begun, and say sorry."""
    db.session.rollback()
    return render_template("500.html"), 500


@app.route("/broken")
def broken() -> str:
    """Break, for whoever wants to see the mail."""
    raise RuntimeError("this page is always broken")
