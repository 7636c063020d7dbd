"""What happens when something breaks: a page for the visitor, and a mail for the administrators."""

from flask import render_template

from app import app, db


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
