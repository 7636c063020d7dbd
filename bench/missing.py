"""What this machine lacks for a measurement."""


class MissingError(Exception):
    """A server or a program that is not there, with the remedy; the other measurements go on."""
