"""The settings of Microblog; those of its mail are called as Flask-Mail calls them."""

import os
import secrets
from pathlib import Path

_FOLDER = Path(os.environ.get("EXAMPLE_FOLDER", Path(__file__).resolve().parent))

SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_hex()
SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL") or f"sqlite:///{_FOLDER / 'microblog.sqlite3'}"

# The mail server. For Gmail: smtp.googlemail.com, 465, and MAIL_USE_SSL.
MAIL_SERVER = os.environ.get("MAIL_SERVER", "localhost")
MAIL_PORT = int(os.environ.get("MAIL_PORT", "25"))
MAIL_USE_TLS = bool(os.environ.get("MAIL_USE_TLS"))
MAIL_USE_SSL = bool(os.environ.get("MAIL_USE_SSL"))
MAIL_USERNAME = os.environ.get("MAIL_USERNAME")
MAIL_PASSWORD = os.environ.get("MAIL_PASSWORD")

# They get mail about errors, and the first one is the sender of all mail.
ADMINS = ["admin@example.com"]

MAIL_ERRORS = os.environ.get("MAIL_ERRORS", "yes") == "yes"

# How mail is sent: plainly, in a thread, or in a thread by way of a decorator. See app/emails.py.
SEND_EMAIL = os.environ.get("SEND_EMAIL", "plainly")
