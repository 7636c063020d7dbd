"""Every setting in one model: its type, its default, its limits, and what a person is told about it."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from outbox.errors import InvalidEmailError
from outbox.mail.address import parse_address
from outbox.settings.daemon import DaemonSettings
from outbox.settings.dkim import DkimSettings
from outbox.settings.field import setting
from outbox.settings.login import LoginSettings
from outbox.settings.names import PREFIX
from outbox.settings.queue import QueueSettings
from outbox.settings.relays import RelaysSettings


class Settings(DkimSettings, RelaysSettings, LoginSettings, QueueSettings, DaemonSettings):
    """All that the daemon can be told. Times are seconds, sizes bytes; make it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    # The application's side reads these four by itself; here they are only known.
    sender: str | None = setting(
        None, "The sender of emails that name none.", "an address, such as Shop <shop@example.org>"
    )
    templates: Annotated[tuple[Path, ...], NoDecode] = setting(
        (), "Folders of templates, searched in order.", f"folders, separated by {os.pathsep!r} or as a list"
    )
    translations: Annotated[tuple[Path, ...], NoDecode] = setting(
        (),
        "Folders of gettext catalogues, searched in order.",
        f"folders, separated by {os.pathsep!r} or as a list",
    )
    max_size: int | None = setting(
        None, "The largest message that is taken, in bytes.", "a whole number of at least 1", ge=1
    )

    @field_validator("sender")
    @classmethod
    def _is_a_sender(cls, sender: str | None) -> str | None:
        try:
            if sender is not None:
                parse_address("sender", sender)
        except InvalidEmailError as error:
            raise ValueError("this is no address") from error
        return sender

    @field_validator("templates", "translations", mode="before")
    @classmethod
    def _split_paths(cls, paths: object) -> object:
        return tuple(filter(None, paths.split(os.pathsep))) if isinstance(paths, str) else paths
