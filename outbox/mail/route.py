"""Which relay takes a stream's mail: the first in its order that is not known to be down."""

from collections.abc import Callable, Collection, Iterable

from outbox.mail.stream import Streams


class Routes:
    """The ways of the streams through these `relays`, which one daemon has.

    `unnamed` is the order of streams that name no relay. `is_open` tells of any relay that a stream names
    whether its breaker is open; where nobody knows, it is not, and the mail is left to who serves that one.
    """

    def __init__(
        self,
        streams: Streams,
        relays: Collection[str],
        unnamed: tuple[str, ...] = (),
        is_open: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._streams = streams
        self._relays = frozenset(relays)
        self._unnamed = unnamed
        self._is_open = is_open

    def order(self, stream: str) -> tuple[str, ...]:
        """Return the relays that may take a stream, the preferred one first."""
        return self._streams.of(stream).relays or self._unnamed

    def serves(self, relay: str, stream: str) -> bool:
        """Tell whether `relay` may take mail of a stream now.

        So may one that is down, for its probe, and the next in order for all the rest: a claim takes a mail
        for one of them only.
        """
        for each in self.order(stream):
            if each == relay:
                return True
            if not self._is_open(each):
                break
        return False

    def through(self, stream: str) -> str | None:
        """Return the relay that takes a stream's mail now; None where all of them are down, or nobody's."""
        return self.first_up(self.order(stream))

    def ways(self, stream: str, holder: str | None = None) -> tuple[str, ...]:
        """Return the relays that may take a mail, the preferred one first; `holder` may have it already.

        It stays with that one, where that is one of these: to any other it would be new.
        """
        return (holder,) if holder in self._relays and holder is not None else self.order(stream)

    def first_up(self, relays: Iterable[str]) -> str | None:
        """Return the first of these that is not known to be down."""
        return next((relay for relay in relays if not self._is_open(relay)), None)

    def concerns(self, stream: str) -> bool:
        """Tell whether a stream may ever go through one of these relays."""
        return not self._relays.isdisjoint(self.order(stream))

    def rerouted(self) -> dict[str, str | None]:
        """Return the known streams that do not go by the first relay in their order, and by which they do."""
        return {
            stream: through
            for stream in self._streams.names
            if self.order(stream) and (through := self.through(stream)) != self.order(stream)[0]
        }
