"""A private Dovecot, unpacked beside the machine's Postfix: LMTP into Maildirs, and the logins of a Postfix.

It knows one user, by password (PLAIN, LOGIN, SCRAM-SHA-256) or by a token that `token` signs (XOAUTH2,
OAUTHBEARER), and takes mail for everybody but those whom `full` names.
"""

import base64
import hmac
import json
import os
import time
from collections.abc import Mapping

from tests.support.debian import make_user, over_the_system, unpacked
from tests.support.folder import make_folder
from tests.support.identity import write_identity
from tests.support.process import RunningServer, ServerProcess
from tests.support.stored import Copies, in_maildirs
from tests.support.waiting import free_port

_USERS = {"dovecot": 64102, "dovenull": 64103, "vmail": 64104}  # Debian gives out none of these
_KEY = b"a key that only the tests know"
USER, PASSWORD = "tea@example.com", "hot tea"

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = lmtp
listen = 127.0.0.1
hostname = localhost
mail_location = maildir:{folder}/mail/%u
mail_plugins = quota
first_valid_uid = 1
ssl = yes
ssl_cert = <{folder}/tls.pem
ssl_key = <{folder}/tls.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login scram-sha-256 xoauth2 oauthbearer
plugin {{
  quota = count:User
  quota_vsizes = yes
}}
service lmtp {{
  inet_listener lmtp {{
    port = {port}
  }}
}}
service auth {{
  inet_listener {{
    port = {auth_port}
  }}
}}
service anvil {{
  # Nobody waits for having failed before.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login scram-sha-256
  args = {folder}/passwords
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home={folder}/mail allow_all_users=yes
}}
"""
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
active_attribute = active
active_value = yes
"""


class DovecotServer(RunningServer):
    """A Dovecot in a folder of its own, in a `with` block; the mailboxes of `full` take nothing."""

    def __init__(self, *full: str) -> None:
        root = unpacked("dovecot-lmtpd")
        self.host = "localhost"
        self.port = free_port()
        self.auth_port = free_port()
        self._full = full
        self._folder = make_folder("dovecot", None)
        self.ca_file = self._folder / "ca.pem"
        configuration = self._folder / "dovecot.conf"
        command = over_the_system(root, self._folder / "own", "dovecot", "-F", "-c", str(configuration))
        process = ServerProcess(command, self._folder / "dovecot.out", self.port)
        super().__init__(process, self._folder)

    @property
    def postfix_settings(self) -> Mapping[str, str]:
        """What a Postfix needs to let in whom this Dovecot knows, and nobody else."""
        return {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": f"inet:127.0.0.1:{self.auth_port}",
            "smtpd_tls_auth_only": "yes",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
        }

    def token(self) -> str:
        """Return a token (RFC 7519) by which the user may log in for an hour."""
        claims = {"sub": USER, "active": "yes", "exp": int(time.time()) + 3600}
        signed = b".".join(
            _base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)
        )
        return (signed + b"." + _base64(hmac.digest(_KEY, signed, "sha256"))).decode()

    def stored(self) -> Copies:
        """Return what it delivered."""
        return in_maildirs(self._folder / "mail")

    def log(self) -> str:
        """Return what Dovecot logged."""
        return (self._folder / "dovecot.log").read_text(errors="replace")

    def _install(self) -> None:
        for name, number in _USERS.items():
            make_user(self._folder / "own", name, number)
        mail = self._folder / "mail"
        mail.mkdir()
        os.chown(mail, _USERS["vmail"], _USERS["vmail"])
        write_identity(self._folder)
        owner = f"{_USERS['vmail']}:{_USERS['vmail']}"
        quota = "userdb_quota_rule=*:bytes=1"
        files = {
            "dovecot.conf": _CONFIGURATION.format(
                folder=self._folder, port=self.port, auth_port=self.auth_port
            ),
            "oauth2.conf": _OAUTH2.format(folder=self._folder),
            "passwords": f"{USER}:{{PLAIN}}{PASSWORD}\n",
            "users": "".join(f"{name}::{owner}::{mail}::{quota}\n" for name in self._full),
            "keys/default/HS256/default": _base64(_KEY).decode(),
        }
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def _base64(data: bytes) -> bytes:
    """Encode as RFC 7515 wants it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")
