"""What an email is: pure values, no I/O, no clock, no database."""
