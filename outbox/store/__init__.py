"""SQL, and only SQL: the tables, the named moves, and what differs by database."""
