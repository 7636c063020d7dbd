"""One Django migration for each version of the outbox's tables, so that `manage.py migrate` brings them."""
