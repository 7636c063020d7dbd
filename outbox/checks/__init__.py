"""What `outbox check` looks at, one file a subject: each by itself, and without changing anything."""
