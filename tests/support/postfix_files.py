"""The main.cf and master.cf of a private Postfix: its own defaults, but loopback-only and final."""

from collections.abc import Mapping
from pathlib import Path

_MAIN = {
    "compatibility_level": "3.6",
    "queue_directory": "{folder}/queue",
    "data_directory": "{folder}/data",
    "command_directory": "/usr/sbin",
    "maillog_file": "{folder}/log",
    "maillog_file_prefixes": "{folder}",
    "myhostname": "localhost",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "mynetworks": "127.0.0.0/8",
    "mydestination": "",
    "local_transport": "discard:",
    "default_transport": "discard:",
    "local_recipient_maps": "",
    "alias_maps": "",
    "enable_long_queue_ids": "yes",
    "in_flow_delay": "0",
    "smtputf8_enable": "yes",
    "smtpd_tls_security_level": "may",
    "smtpd_tls_chain_files": "{folder}/tls.pem",
    "smtpd_tls_CAfile": "{folder}/ca.pem",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_recipient_restrictions": "check_policy_service inet:127.0.0.1:{policy}, permit_mynetworks, reject",
}
KEEPING = {
    "default_transport": "virtual:",
    "virtual_mailbox_base": "{folder}",
    "virtual_mailbox_maps": "static:mail/",
    "virtual_uid_maps": "static:{keeper}",
    "virtual_gid_maps": "static:{keeper}",
    "virtual_minimum_uid": "1",
}
"""Deliver all mail into one Maildir instead of discarding it."""

SCREENING = {
    "postscreen_access_list": "",
    "postscreen_greet_wait": "1s",
    "postscreen_greet_action": "enforce",
    "postscreen_pipelining_enable": "yes",
    "postscreen_pipelining_action": "enforce",
    "postscreen_bare_newline_enable": "yes",
    "postscreen_bare_newline_action": "enforce",
}
"""Let in only who passes the tests, even from this host; to a newcomer who passed them it says 450 once."""

_MASTER = """\
127.0.0.1:{port} inet n - n - {front}
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
smtpd    pass - - n - - smtpd
dnsblog  unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
tlsmgr   unix - - n 1000? 1 tlsmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq    unix n - n - - showq
error    unix - - n - - error
retry    unix - - n - - error
discard  unix - - n - - discard
virtual  unix - n n - - virtual
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
"""


def write_files(conf: Path, settings: Mapping[str, str], *, screened: bool, **facts: object) -> None:
    """Write both; `settings` stand in place of ours, and `facts` fill what is in braces."""
    main = "".join(f"{name} = {value}\n" for name, value in {**_MAIN, **settings}.items())
    (conf / "main.cf").write_text(main.format(**facts))
    front = "1 postscreen" if screened else "- smtpd"
    (conf / "master.cf").write_text(_MASTER.format(front=front, **facts))
