"""Where frameworks meet the outbox; each is imported by its own name, and only where it is installed."""
