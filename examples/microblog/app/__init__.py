"""Microblog: people who follow each other, and are told so by mail."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from outbox.integrations.flask import Mail

app = Flask(__name__)
app.config.from_object("config")
db = SQLAlchemy(app)
mail = Mail(app)
CSRFProtect(app)

from app import errors, models, views  # noqa: E402, F401 - they need what stands above
