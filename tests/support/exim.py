"""A private Exim, unpacked from Debian's package beside the Postfix of the machine.

It takes mail for any recipient, over STARTTLS and in the clear, with AUTH or without, into one Maildir.
"""

import os

from tests.support.debian import make_user, over_the_system, unpacked
from tests.support.folder import make_folder
from tests.support.identity import write_identity
from tests.support.process import RunningServer, ServerProcess
from tests.support.stored import Copies, in_maildirs
from tests.support.waiting import free_port

_USER_ID = 64101  # Debian gives out none of these
USER, PASSWORD = "tea", "hot tea"

_CONFIGURATION = """\
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/tls.pem
tls_privatekey = {folder}/tls.pem
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/pid
acl_smtp_rcpt = rcpt
keep_environment =
{settings}

begin acl
rcpt:
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  envelope_to_add
  user = Debian-exim

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq {{$auth2}}{{{user}}}}}{{eq {{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and {{{{eq {{$auth1}}{{{user}}}}}{{eq {{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


class EximServer(RunningServer):
    """An Exim in a folder of its own, in a `with` block; `settings` are more lines of its main section."""

    def __init__(self, *settings: str) -> None:
        root = unpacked("exim4-daemon-light")
        self.host = "localhost"
        self.port = free_port()
        self.tls_port = free_port()
        self._settings = "\n".join(settings)
        self._folder = make_folder("exim", None)
        self.ca_file = self._folder / "ca.pem"
        command = over_the_system(root, self._folder / "own", "exim4", "-bdf")
        process = ServerProcess(command, self._folder / "exim.out", self.port)
        super().__init__(process, self._folder)

    def stored(self) -> Copies:
        """Return what it delivered."""
        return in_maildirs(self._folder)

    def log(self) -> str:
        """Return what Exim logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("log/*")))

    def _install(self) -> None:
        own = self._folder / "own"
        make_user(own, "Debian-exim", _USER_ID)
        for name in ("spool", "log", "mail"):
            (self._folder / name).mkdir()
            os.chown(self._folder / name, _USER_ID, _USER_ID)
        write_identity(self._folder)
        os.chown(self._folder / "tls.pem", _USER_ID, _USER_ID)
        configuration = own / "etc" / "exim4" / "exim4.conf"
        configuration.parent.mkdir()
        configuration.write_text(
            _CONFIGURATION.format(
                port=self.port, tls_port=self.tls_port, folder=self._folder,
                user=USER, password=PASSWORD, settings=self._settings,
            )
        )  # fmt: skip
