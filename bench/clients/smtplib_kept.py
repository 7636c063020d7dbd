"""smtplib over connections that are kept, each in a thread of its own: ready bytes, nothing but sending."""

from concurrent.futures import ThreadPoolExecutor
from smtplib import SMTP

from bench.clients.meter import measured
from bench.corpus import SENDER, composed, recipient
from bench.postfix import HOST


def send_all(port: int, mails: int, connections: str) -> None:
    """Send one composed message `mails` times."""
    message = composed(0)
    # Shared: a connection that is faster takes more of them.
    numbers = iter(range(mails))

    def send() -> None:
        with SMTP(HOST, port, local_hostname="localhost") as connection:
            for n in numbers:
                connection.sendmail(SENDER, recipient(n), message)

    with ThreadPoolExecutor(int(connections)) as pool:
        for sending in [pool.submit(send) for _ in range(int(connections))]:
            sending.result()


if __name__ == "__main__":
    measured(send_all)
