"""The command `manage.py outbox`."""
