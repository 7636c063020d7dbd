"""A DNS server on loopback that holds the TXT records of a test, and fails where it is told to."""

import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

_LONGEST_STRING = 255


@contextmanager
def name_server(records: Mapping[str, Sequence[str]], failing: frozenset[str] = frozenset()) -> Iterator[int]:
    """Serve the texts at each name over UDP, and SERVFAIL for the `failing` names; give the port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(_answer(data, records, failing), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _answer(query: bytes, records: Mapping[str, Sequence[str]], failing: frozenset[str]) -> bytes:
    question = dns.message.from_wire(query)
    answer: Any = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    name = question.question[0].name.to_text(omit_final_dot=True)
    texts = records.get(name)
    if name in failing:
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif texts is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif texts:
        lines = [" ".join(f'"{part}"' for part in _strings(text)) for text in texts]
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *lines))
    wire: bytes = answer.to_wire()
    return wire


def _strings(text: str) -> list[str]:
    return [text[start : start + _LONGEST_STRING] for start in range(0, len(text), _LONGEST_STRING)]
