"""The daemon: where claims, sockets and records meet."""
