"""The page of settings says what the model says, and its recipes load."""

import os
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from outbox.settings import Settings, load
from outbox.settings.make_relay import relays_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_is_the_one_in_the_model() -> None:
    rows = ["| name | default | what it is | give |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        told = field.default_factory is None and field.default not in {None, ()}
        default = (
            f"`{str(field.default).lower() if field.annotation is bool else field.default}`" if told else ""
        )
        rows.append(f"| `{name}` | {default} | {field.description} | {extra['give']} |")
    found = re.search(r"<!-- settings.*?-->\n(.*?)\n\n", PAGE, re.DOTALL)
    assert found is not None
    assert "\n".join(rows) == found.group(1)


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_settings_that_load(recipe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The program of a recipe is its reader's own.
    program = tmp_path / "m365-token"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    Path("outbox.toml").write_text(recipe.replace("/usr/local/bin/m365-token", "m365-token"))
    for relay in tomllib.loads(recipe).get("relays", {}):
        if "@" in tomllib.loads(recipe)["relays"][relay]["url"]:
            monkeypatch.setenv(f"OUTBOX_RELAYS__{relay.upper()}__PASSWORD", "as above")
    if "smtp_username" in recipe and "smtp_token" not in recipe:
        monkeypatch.setenv("OUTBOX_SMTP_PASSWORD", "which no recipe writes down")
    given = tomllib.loads(recipe)
    hosts = [urlsplit(table["url"]).hostname for table in given.get("relays", {}).values()]
    assert [relay.host for relay in relays_of(load())] == (hosts or [given["smtp_host"]])


def test_every_setting_that_a_page_names_exists() -> None:
    known = set(Settings.model_fields)
    named = set(re.findall(r"smtp_[a-z_]*[a-z]", PAGE))
    assert set() == named - known
    page = re.sub(r"(OUTBOX_RELAYS)__[A-Z_]+", r"\1", PAGE)
    capitals = {name.lower() for name in re.findall(r"OUTBOX_([A-Z_]+)", page)}
    assert set() == capitals - known - {"config"}
