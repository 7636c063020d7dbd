"""SMTP without I/O: bytes in, events out, bytes out, like h11."""
