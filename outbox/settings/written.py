"""Write an outbox.toml of all settings, each in a comment that says what it is: made of the model itself."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from outbox.settings.model import Settings
from outbox.settings.names import PREFIX

_WIDTH = 98
_HEAD = """\
# The settings of the outbox. A line that begins with "#" and a name is the default: take the "#" away, and
# change what stands behind the "=". It is overruled by systemd credentials, by the environment
# (OUTBOX_SMTP_HOST=…), and by flags. `outbox config show` tells what holds and whence, `outbox config check`
# what is wrong, and `outbox check` tries it.
#
# No password belongs here: many may read this file.
"""
_SECRETS = frozenset({"smtp_password", "log_address_key"})
_TABLES = {
    "streams": '[streams.bulk]\nrate = "1000/h"\npriority = "low"',
    "relays": '[relays.main]\nurl = "smtp+starttls://shop@mail.example.org:587"',
    "dkim": '[[dkim]]\ndomain = "example.org"\nselector = "s2026"\nkey = "/etc/outbox/s2026.pem"',
}
"""What stands behind all others, as TOML has it, with an example of each."""


def written(given: Mapping[str, Any]) -> str:
    """Return the file, in which `given` settings hold and all others are comments."""
    fields = Settings.model_fields
    plain = [_plain(name, fields[name], given) for name in fields if name not in _TABLES]
    tables = [_table(name, fields[name], example) for name, example in _TABLES.items()]
    return "\n".join((_HEAD, *plain, *tables))


def _plain(name: str, field: FieldInfo, given: Mapping[str, Any]) -> str:
    if name in _SECRETS:
        variable, credential = f"{PREFIX}{name.upper()}", f"{PREFIX.lower()}{name}"
        where = (
            f"{field.description} It does not stand here. Give it as the environment variable {variable}, or "
            f"as the systemd credential {credential}: LoadCredential={credential}:/etc/outbox/{name}"
        )
        return _comment(where)
    setting = f"{name} = {_toml(given[name])}" if name in given else f"#{name} = {_default(field)}".rstrip()
    return f"{_told(field)}{setting}\n"


def _table(name: str, field: FieldInfo, example: str) -> str:
    lines = "".join(f"#{line}\n" for line in example.splitlines())
    return f"{_told(field)}# For example ({name}):\n{lines}"


def _told(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    give = extra["give"] if isinstance(extra, dict) else ""
    none = "" if _default(field) else " None by default, or what is said above."
    return _comment(f"{field.description} Give {give}.{none}")


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in _wrapped(text))


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default in {None, ()}:
        return ""
    return _toml(field.default)


def _toml(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # A string of JSON is one of TOML, but for a character that JSON may leave as it is.
    return json.dumps(str(value)).replace("\x7f", "\\u007f")
