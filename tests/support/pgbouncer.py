"""A private PgBouncer in transaction mode before the PostgreSQL of the tests."""

import os

from sqlalchemy import make_url

from tests.support.databases import POSTGRESQL
from tests.support.folder import is_root, make_folder, server_user
from tests.support.missing import binary
from tests.support.process import RunningServer, ServerProcess
from tests.support.waiting import free_port

_USER = "postgres"
_CONFIGURATION = """\
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
min_pool_size = 5
server_round_robin = 1
max_client_conn = 200
"""


class PgBouncer(RunningServer):
    """A PgBouncer in a folder of its own, in a `with` block; it passes every database of the server on.

    Five connections to the server serve all clients of a database, so that hardly two transactions of one
    client in a row meet the same server process. All of them log in there as the user of the server's URL.
    """

    def __init__(self) -> None:
        self._server = make_url(os.environ.get(POSTGRESQL.variable) or POSTGRESQL.default)
        self.port = free_port()
        self._folder = make_folder("pgbouncer", server_user(_USER))
        self._configuration = self._folder / "pgbouncer.ini"
        # It refuses to run as root.
        user = ["-u", _USER] if is_root() else []
        command = [binary("pgbouncer", "pgbouncer"), *user, str(self._configuration)]
        super().__init__(ServerProcess(command, self._folder / "pgbouncer.log", self.port), self._folder)

    @property
    def url(self) -> str:
        """The URL of the same server by way of this PgBouncer."""
        return self.before(self._server.render_as_string(hide_password=False))

    def before(self, url: str) -> str:
        """Return the URL of a database of the server by way of this PgBouncer."""
        way = make_url(url).set(host="127.0.0.1", port=self.port)
        return way.render_as_string(hide_password=False)

    def log(self) -> str:
        """Return what PgBouncer logged."""
        return (self._folder / "pgbouncer.log").read_text(errors="replace")

    def _install(self) -> None:
        server = self._server
        words = f"host={server.host} port={server.port} user={server.username}"
        if server.password is not None:
            words += f" password={server.password}"
        self._configuration.write_text(_CONFIGURATION.format(server=words, port=self.port))
