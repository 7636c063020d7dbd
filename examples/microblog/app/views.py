"""The pages of Microblog."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app import app, db
from app.emails import follower_notification
from app.models import User


@app.before_request
def before_request() -> None:
    """Know who it is."""
    g.user = db.session.get(User, session["user_id"]) if "user_id" in session else None


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Send people who are not logged in to the page where they can."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if g.user else redirect(url_for("login"))

    return guarded


@app.route("/")
@login_required
def index() -> str:
    """List everybody."""
    return render_template("index.html", users=db.session.scalars(db.select(User).order_by(User.nickname)))


@app.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Let somebody in by a nickname and an address; an example has no passwords."""
    if request.method == "GET":
        return render_template("login.html")
    nickname = request.form["nickname"].strip()
    user = db.session.scalar(db.select(User).filter_by(nickname=nickname))
    if user is None:
        user = User(nickname=nickname, email=request.form["email"], about_me=request.form["about_me"])
        db.session.add(user)
        db.session.commit()
    session["user_id"] = user.id
    return redirect(url_for("index"))


@app.route("/user/<nickname>")
@login_required
def user(nickname: str) -> str:
    """Show somebody's page."""
    return render_template("user.html", user=_named(nickname))


@app.route("/follow/<nickname>", methods=["POST"])
@login_required
def follow(nickname: str) -> Response:
    """Follow somebody, and tell them."""
    user = _named(nickname)
    if user == g.user:
        flash("You can't follow yourself!")
        return redirect(url_for("user", nickname=nickname))
    g.user.follow(user)
    db.session.commit()
    flash(f"You are now following {nickname}!")
    follower_notification(user, g.user)
    return redirect(url_for("user", nickname=nickname))


def _named(nickname: str) -> User:
    user = db.session.scalar(db.select(User).filter_by(nickname=nickname))
    return user or abort(404)
