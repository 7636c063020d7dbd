"""The faults of names: unknown ones, and resolvers that fail or hang."""

import asyncio
import socket
import threading

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Relay, Timeouts
from outbox.delivery.resolve import Addresses, Resolver
from outbox.delivery.trouble import explain
from outbox.mail.verdict import RelayFault
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, scripted
from tests.support.sending import Batch, deliver, envelope, fault_of, kinds, relay_at
from tests.support.waiting import wait_until

RELAY = Relay(name="main", host="mail.example", port=25)
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 25))]


class Hanging:
    """A resolver that answers nothing until it is back."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int, **_: object) -> Addresses:
        assert port == 25
        with self._lock:
            self.asked.append(host)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.back.wait(20)
        with self._lock:
            self.at_once -= 1
        return FOUND


@pytest.mark.parametrize(
    ("number", "words", "expected"),
    [
        (
            socket.EAI_NONAME,
            "Name or service not known",
            (
                "the name mail.example cannot be resolved: Name or service not known; "
                "look for a slip in it (smtp_host), or in DNS"
            ),
        ),
        (
            socket.EAI_AGAIN,
            "Temporary failure in name resolution",
            (
                "the name mail.example cannot be resolved: Temporary failure in name resolution; "
                "look at this host's resolver and its DNS server"
            ),
        ),
    ],
)
def test_fault_70_a_name_that_is_not_found_says_where_to_look(number: int, words: str, expected: str) -> None:
    def getaddrinfo(*_: object, **__: object) -> Addresses:
        raise socket.gaierror(number, words)

    async def main() -> None:
        with pytest.raises(socket.gaierror) as raised:
            await Resolver(1, getaddrinfo).addresses(RELAY.host, RELAY.port)
        assert expected == explain(raised.value, RELAY, Stage.CONNECT)

    asyncio.run(main())


def test_fault_70_a_hung_lookup_ends_by_the_callers_timeout_and_later_ones_work() -> None:
    hanging = Hanging()
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        resolver = Resolver(2, hanging)
        for host in ("one.example", "two.example", "three.example", "four.example"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await resolver.addresses(host, 25)
        # Two hang; the others never got a thread, and are forgotten.
        await asyncio.to_thread(wait_until, lambda: len(hanging.asked) == 2, "two hang")
        assert hanging.asked == ["one.example", "two.example"]
        hanging.back.set()
        assert await resolver.addresses("five.example", 25) == FOUND
        assert await resolver.addresses("six.example", 25) == FOUND
        assert hanging.asked == ["one.example", "two.example", "five.example", "six.example"]

    asyncio.run(main())
    assert complaints == []


def test_fault_70_no_more_lookups_run_at_once_than_there_are_places() -> None:
    hanging = Hanging()

    async def main() -> None:
        resolver = Resolver(3, hanging)
        lookups = [asyncio.ensure_future(resolver.addresses(f"{n}.example", 25)) for n in range(9)]
        await asyncio.to_thread(wait_until, lambda: len(hanging.asked) == 3, "all places are taken")
        hanging.back.set()
        assert await asyncio.gather(*lookups) == [FOUND] * 9
        assert len(hanging.asked) == 9
        assert hanging.most_at_once <= 3

    asyncio.run(main())


def test_fault_70_a_hung_lookup_holds_up_neither_the_loops_end_nor_the_process() -> None:
    hanging = Hanging()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Resolver(1, hanging).addresses("mail.example", 25)

    asyncio.run(main())
    (thread,) = [each for each in threading.enumerate() if each.name == "outbox-resolver"]
    assert thread.daemon
    hanging.back.set()
    thread.join(20)  # its answer finds no loop, which is no error
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
def test_fault_70_a_name_that_fails_is_a_fault_of_the_relay_and_works_once_it_is_back(number: int) -> None:
    broken = [True]

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as listening:
        here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listening.port))]

        def getaddrinfo(*_: object, **__: object) -> Addresses:
            if broken:
                broken.clear()
                raise socket.gaierror(number, "no")
            return here

        dialler = Dialler(relay_at(listening.port, host="mail.example"), Resolver(1, getaddrinfo))
        fault = fault_of(dialler)
        outcome = deliver(dialler, envelope())
    assert (fault.stage, fault.answer) == ("connect", None)
    assert fault.reason.startswith("relay main: connect: the name mail.example cannot be resolved: no; ")
    assert kinds(outcome.verdicts[0]) == ["Sent"]


def test_fault_70_a_resolver_that_hangs_ends_by_the_connect_timeout_and_stops_no_other_connection() -> None:
    hanging = Hanging()

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    async def run(stuck: Dialler, sound: Dialler) -> list[str]:
        dialling = asyncio.ensure_future(stuck.connect())
        await asyncio.to_thread(wait_until, lambda: bool(hanging.asked), "the lookup hangs")
        connection = await sound.connect()
        assert isinstance(connection, Connection)
        batch = Batch([envelope()])
        await connection.carry(batch.next_mail)
        await connection.quit()
        fault = await dialling
        assert isinstance(fault, RelayFault)
        assert not hanging.back.is_set()
        assert fault.waited == 0.2
        return [*kinds(batch.verdicts[0]), fault.reason]

    with scripted(server) as listening:
        here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listening.port))]

        def getaddrinfo(host: str, _port: int, **_: object) -> Addresses:
            return hanging(host, 25) if host == "hung.example" else here

        resolver = Resolver(2, getaddrinfo)
        stuck = Dialler(relay_at(25, host="hung.example", timeouts=Timeouts(connect=0.2)), resolver)
        sound = Dialler(relay_at(listening.port, host="mail.example"), resolver)
        expected = ["Sent", "relay main: connect: no answer within 0.2 seconds"]
        assert expected == asyncio.run(run(stuck, sound))
    hanging.back.set()
