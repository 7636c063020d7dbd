"""Sockets: everything that talks to a relay, and what its answers mean."""
