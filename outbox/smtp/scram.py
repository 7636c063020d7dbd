"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is never said, and the server must prove that it knows it.

The library `scramp` reckons and checks; it prepares the user name and the password by SASLprep. Here are the
order of the messages, the bound on the work that a server may ask for, and the one exception.

AUTH has no field for data beside a 235 (RFC 4954 §4), so the server's signature comes in a 334, which is
answered with nothing. A 235 that comes before it is not believed, even where its text holds the signature:
that text is for people, and a client that reads it has two ways in. The servers that we know of keep to this.
"""

from scramp import ScramClient, ScramException

from outbox.smtp.sasl import AuthenticationError

FEWEST, MOST = 4096, 600_000
"""Iterations that a server may ask for: RFC 7677 §4 sets the least; the most takes a fraction of a second."""


class Scram:
    """One exchange. `nonce` is ours to choose only where the outcome must be known: in a test.

    Raises ValueError, without the secret, where SASLprep refuses the user name or the password.
    """

    name = "SCRAM-SHA-256"

    def __init__(self, username: str, password: str, nonce: str | None = None) -> None:
        try:
            self._client = ScramClient([self.name], username, password, c_nonce=nonce)
        except ScramException as error:
            raise ValueError(
                f"{self.name} cannot carry this user name or password: {error}; "
                "change it, or say smtp_auth = plain"
            ) from None
        self._steps = iter((self._prove, self._verify))
        self.complete = False

    def initial(self) -> bytes:
        """Return client-first: who we are, and our nonce."""
        return str(self._client.get_client_first()).encode()

    def respond(self, challenge: bytes) -> bytes:
        """Answer server-first with our proof, and server-final with nothing."""
        step = next(self._steps, None)
        if step is None:
            raise AuthenticationError(f"the server asks for more than AUTH {self.name} has to say")
        try:
            return step(challenge.decode())
        except UnicodeDecodeError:
            raise AuthenticationError(f"{self.name}: the server's message is not UTF-8") from None
        except ScramException as error:
            # Its words are its own but for a few letters: nothing of the password, no text of the server.
            raise AuthenticationError(f"{self.name}: {error}") from None

    def _prove(self, server_first: str) -> bytes:
        self._client.set_server_first(server_first)
        iterations = int(self._client.iterations)
        if not FEWEST <= iterations <= MOST:
            raise AuthenticationError(
                f"{self.name}: the server asks for {iterations} iterations, we do {FEWEST} to {MOST}"
            )
        return str(self._client.get_client_final()).encode()

    def _verify(self, server_final: str) -> bytes:
        self._client.set_server_final(server_final)
        self.complete = True
        return b""
