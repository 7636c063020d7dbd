"""The signal that tells of each mail that was sent, also of one that was only recorded by a test."""

import blinker

signals = blinker.Namespace()
email_dispatched = signals.signal("email-dispatched", doc="Sent with the application, and `message`.")
