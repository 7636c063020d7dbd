"""The settings of DKIM: which keys sign, for which domain. Only the daemon reads the keys themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode

from outbox.errors import shown
from outbox.settings.closest import closest
from outbox.settings.field import setting
from outbox.settings.hosts import is_domain
from outbox.settings.unfit import TablesError, UnfitError

_KEYS = ("domain", "selector", "key")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The private key in the file `key`; its public half stands at `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    key: Path


class DkimSettings(BaseSettings):
    """Who signs. The value is shown nowhere: somebody will put a key where its path belongs."""

    dkim: Annotated[tuple[DkimKey, ...], NoDecode] = setting(
        (),
        "The keys that sign mail (DKIM): a table of domain, selector and key (the path of a PEM file) for "
        "each. All keys of the domain in From sign; mail from any other domain goes unsigned.",
        "tables [[dkim]] with domain, selector and key in outbox.toml, or the same as JSON",
        repr=False,
    )

    @field_validator("dkim", mode="before")
    @classmethod
    def _are_keys(cls, given: object) -> object:
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError as error:
                raise ValueError(f"this is no JSON ({error})") from error
        if not isinstance(given, list | tuple):
            raise ValueError("this is no list of tables")  # noqa: TRY004 - pydantic takes no TypeError
        keys: list[DkimKey] = []
        faults: list[tuple[str, str]] = []
        for n, table in enumerate(given, 1):
            try:
                keys.append(_key(n, table))
            except UnfitError as error:
                faults.append(("dkim", f"{error}. Give {error.give}."))
        if faults:
            raise TablesError(faults)
        return tuple(keys)

    @field_validator("dkim")
    @classmethod
    def _are_different(cls, keys: tuple[DkimKey, ...]) -> tuple[DkimKey, ...]:
        names = [(key.domain, key.selector) for key in keys]
        for domain, selector in names:
            if names.count((domain, selector)) > 1:
                raise UnfitError(f"{selector} of {domain} is there twice", "each selector of a domain once")
        return keys


def _key(n: int, table: object) -> DkimKey:
    """Return what the `n`th table says, or raise UnfitError, which names the table and the key in it."""
    if not isinstance(table, Mapping):
        raise UnfitError(f"[{n}] is no table", f"a table with {', '.join(_KEYS)}")
    if unknown := sorted(set(table) - set(_KEYS)):
        close = closest(unknown[0], _KEYS)
        hint = f"; did you mean {close}?" if close else ""
        raise UnfitError(f"[{n}].{unknown[0]}: there is no such key{hint}", ", ".join(_KEYS))
    if missing := [key for key in _KEYS if key not in table]:
        raise UnfitError(f"[{n}] has no {missing[0]}", f"a table with {', '.join(_KEYS)}")
    domain, selector, path = (table.get(key) for key in _KEYS)
    if not (isinstance(domain, str) and is_domain(domain)):
        raise UnfitError(
            f"[{n}].domain: {shown(domain)} is no domain",
            "the domain in From, such as example.org; an international one as xn--mnchen-3ya.example",
        )
    if not (isinstance(selector, str) and is_domain(selector)):
        raise UnfitError(
            f"[{n}].selector: {shown(selector)} is no selector", "letters, digits and '-', such as s2026"
        )
    if not (isinstance(path, str) and path.isprintable() and path) or "-----" in path:
        raise UnfitError(f"[{n}].key: this is no path", "the path of a PEM file, never the key itself")
    return DkimKey(domain.lower(), selector.lower(), Path(path))
