"""Names are looked up beside the loop, and of several addresses the first that answers is taken."""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from errno import ECONNREFUSED

import pytest

from outbox.delivery.resolve import Addresses, Resolver, open_wire
from tests.support.waiting import free_port

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 25))]


def failing(error: Exception) -> Callable[..., Addresses]:
    """Return a resolver that fails."""

    def getaddrinfo(*_: object, **__: object) -> Addresses:
        raise error

    return getaddrinfo


def run(act: Callable[[], Awaitable[None]]) -> None:
    """Run `act` as the daemon runs: in a loop that ends with it."""

    async def main() -> None:
        await act()

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_numeric_address_needs_no_thread(host: str) -> None:
    async def act() -> None:
        found = await Resolver(1, failing(AssertionError("asked"))).addresses(host, 25)
        assert [(host, 25)] == [each[4][:2] for each in found]

    run(act)


def test_a_name_is_found_by_the_system() -> None:
    async def act() -> None:
        found = await Resolver().addresses("localhost", 25)
        assert found
        assert {each[4][0] for each in found} <= {"127.0.0.1", "::1"}

    run(act)


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label")])
def test_a_lookup_that_fails_tells_why_and_holds_no_place(error: Exception) -> None:
    async def act() -> None:
        resolver = Resolver(1, failing(error))
        for _ in range(3):
            with pytest.raises(type(error)) as raised:
                await resolver.addresses("mail.example", 25)
            assert raised.value is error

    run(act)


def test_a_process_without_threads_to_spare_tells_it_as_a_fault_and_loses_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def act() -> None:
        resolver = Resolver(1, lambda *_, **__: FOUND)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_more_threads)
            with pytest.raises(OSError, match=r"no thread for the lookup of mail\.example"):
                await resolver.addresses("mail.example", 25)
        assert await resolver.addresses("mail.example", 25) == FOUND

    run(act)


def no_more_threads(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


class Connected(asyncio.Protocol):
    """A protocol that notes whom it reached."""

    peer: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.peer = transport.get_extra_info("peername")
        transport.close()


def at(host: str, port: int) -> Addresses:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def reached(addresses: Addresses) -> object:
    protocol = Connected()
    await open_wire(lambda: protocol, addresses)
    await asyncio.sleep(0)  # lets the transport close its socket
    return protocol.peer


def test_an_address_that_refuses_leads_to_the_next() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

        async def act() -> None:
            assert ("127.0.0.1", port) == await reached([*at("127.0.0.2", port), *at("127.0.0.1", port)])

        run(act)


def test_an_address_that_never_answers_does_not_use_up_the_time_of_the_next() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_server(("127.0.0.2", 0), backlog=0)) as full,
        # With its one place taken, a listener answers nobody else.
        closing(socket.create_connection(full.getsockname())),
        closing(socket.socket()) as waiting,
    ):
        waiting.settimeout(0)
        with pytest.raises(BlockingIOError):
            waiting.connect(full.getsockname())
        live = server.getsockname()

        async def act() -> None:
            async with asyncio.timeout(10):
                assert live == await reached([*at(*full.getsockname()), *at(*live)])

        run(act)


def test_all_that_refuse_are_told_as_one_refusal() -> None:
    port = free_port()

    async def act() -> None:
        with pytest.raises(ConnectionRefusedError) as raised:
            await reached([*at("127.0.0.1", port), *at("127.0.0.2", port)])
        assert raised.value.errno == ECONNREFUSED

    run(act)


def test_of_several_errors_the_refusal_is_told() -> None:
    port = free_port()

    async def act() -> None:
        with pytest.raises(ConnectionRefusedError) as raised:
            # A link-local address without its link is no way to go (EINVAL).
            await reached([*at("fe80::1", port), *at("127.0.0.1", port)])
        assert raised.value.errno == ECONNREFUSED
        assert re.search(r"Errno 111.*127\.0\.0\.1", str(raised.value))
        assert str(raised.value).count("Errno") == 3

    run(act)


def test_where_none_refuses_the_words_of_all_are_told() -> None:
    async def act() -> None:
        with pytest.raises(OSError, match=r"Multiple exceptions: .*Errno 22") as raised:
            await reached([*at("fe80::1", 25), (77, socket.SOCK_STREAM, 0, "", ())])
        assert type(raised.value) is OSError

    run(act)
