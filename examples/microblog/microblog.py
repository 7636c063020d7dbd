"""What `flask --app microblog` runs."""

from app import app

__all__ = ["app"]
