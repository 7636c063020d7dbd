"""What differs by database, one file a database."""
