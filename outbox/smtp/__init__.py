"""The SMTP conversation as pure values: bytes in, events out, bytes out."""
