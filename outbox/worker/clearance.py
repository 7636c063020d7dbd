"""Whether anything may be sent now, and each mail's last-moment check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox.worker.lease import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.holdings import Holdings
    from outbox.worker.lease import Lease
    from outbox.worker.parcel import Parcel
    from outbox.worker.permit import Permit
    from outbox.worker.recorder import Recorder
    from outbox.worker.stop import Stop


class Clearance:
    """What the whole daemon has to say before a dot goes out."""

    def __init__(
        self,
        lease: Callable[[], Lease],
        recorder: Recorder,
        permit: Permit,
        stop: Stop,
        holdings: Holdings,
    ) -> None:
        self._lease = lease
        self._recorder = recorder
        self._permit = permit
        self._stop = stop
        self._holdings = holdings

    def is_given(self, relay: str) -> bool:
        """Tell whether mail may be sent through this relay now."""
        return self.hindrance(relay) is None

    def hindrance(self, relay: str) -> str | None:
        """Return what nothing goes through this relay for now, as what it does, or None."""
        if self._recorder.is_stalled():
            return "waits, as verdicts cannot be stored"
        if not self._lease().is_valid(boot_clock()):
            return "waits, as the lease of this session is over"
        forbidden = self._permit.forbids_all(relay)
        return forbidden and f"waits, as {forbidden}"

    def may_dot(self, relay: str, parcel: Parcel) -> str | None:
        """Return why the dot of `parcel` must not go out now, or None: the last-moment check."""
        if self._recorder.is_stalled():
            return "verdicts cannot be stored"
        return "the daemon was told to leave" if self._stop.leaving else self.forbids(relay, parcel)

    def forbids(self, relay: str, parcel: Parcel) -> str | None:
        """Return why `parcel` must not be sent any more, or None."""
        if not parcel.lease.is_valid(boot_clock()):
            return "the lease of this session is over"
        if parcel.claimed_at < self._holdings.lapsed_at:
            # Others may have it by now: the database need not know this claim any more.
            return "the database went back in time since this was claimed"
        return self.pauses(relay, parcel)

    def pauses(self, relay: str, parcel: Parcel) -> str | None:
        """Return why people do not want `parcel` to be sent now, or None."""
        return self._permit.forbids(relay, parcel.stream)
