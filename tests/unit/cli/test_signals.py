"""Signals that ask a command to end: none is lost, whatever runs when it comes."""

import os
import signal

from outbox.cli.signals import on_signals


class _Finalized:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)


def test_a_signal_that_comes_within_a_finalizer_is_acted_on() -> None:
    came: list[int] = []
    before = signal.getsignal(signal.SIGHUP)
    with on_signals(came.append, signal.SIGHUP):
        _Finalized()
    assert came == [signal.SIGHUP]
    assert signal.getsignal(signal.SIGHUP) is before
