"""`outbox init` writes every setting of the model and the unit of this installation, and over nothing."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from outbox.settings import Settings, load
from tests.support.calling import CHECKOUT, call, refused

pytestmark = pytest.mark.usefixtures("alone")
SECRETS = {"smtp_password", "log_address_key"}
TABLES = {"streams", "relays", "dkim"}


def test_every_setting_stands_in_the_file_with_its_words_and_its_default() -> None:
    assert call("init").exit_code == 0
    text = Path("outbox.toml").read_text()
    prose = " ".join(line.removeprefix("# ") for line in text.splitlines())
    for name, field in Settings.model_fields.items():
        assert field.description is not None
        assert field.description in prose
        assert (re.search(rf"^#{name} =", text, re.MULTILINE) is not None) == (name not in SECRETS | TABLES)
    # With every default uncommented it is what nobody has changed.
    defaults = re.findall(r"^#([a-z_]+ = .+)$", text.partition("# For example (streams)")[0], re.MULTILINE)
    nothing_set = load()
    Path("outbox.toml").write_text("\n".join(defaults))
    assert len(defaults) > 15
    assert nothing_set == load()


def test_the_examples_of_tables_are_settings_that_load(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("init").exit_code == 0
    examples = Path("outbox.toml").read_text().partition("# For example (streams)")[2]
    lines = [line[1:] for line in examples.splitlines() if re.match(r"#(\[|[a-z]+ = )", line)]
    Path("outbox.toml").write_text("\n".join(lines).replace("[streams.bulk]", "[streams.default]"))
    monkeypatch.setenv("OUTBOX_RELAYS__MAIN__PASSWORD", "geheim")
    settings = load()
    assert [*settings.relays] == ["main"]
    assert settings.dkim[0].domain == "example.org"


def test_what_is_given_holds_and_all_else_is_a_comment() -> None:
    url = "postgresql://outbox@/app"
    done = call("init", "etc", "--database-url", url, "--smtp-host", "mail.example.org")
    assert done.exit_code == 0
    folder = Path("etc").resolve()
    assert f"Written: {folder}/outbox.toml\nWritten: {folder}/outbox.service\n" in done.stdout
    assert tomllib.loads(Path("etc/outbox.toml").read_text()) == {
        "database_url": url,
        "smtp_host": "mail.example.org",
    }
    for step in ("outbox db upgrade", "outbox check", "systemctl enable --now outbox"):
        assert step in done.stdout


def test_the_steps_stand_in_the_order_in_which_they_work() -> None:
    def steps(folder: str, *options: str) -> str:
        return call("init", folder, *options).stdout.partition("Next:")[2]

    told = steps("etc", "--database-url", "sqlite:////var/lib/outbox/outbox.sqlite3")
    order = [
        told.index(step)
        for step in (
            f"export OUTBOX_CONFIG={Path('etc').resolve()}/outbox.toml",
            "useradd --system",
            "install -d -m 700 -o outbox -g outbox /var/lib/outbox",
            "runuser -u outbox -- ",
            " db upgrade",
            "OUTBOX_SMTP_PASSWORD=$(cat /etc/outbox/smtp_password) ",
            "systemctl enable --now outbox",
        )
    ]
    assert order == sorted(order)
    assert "ReadWritePaths=" not in told
    assert "the database" not in told
    assert "ReadWritePaths=" in steps("elsewhere", "--database-url", "sqlite:////srv/app/app.sqlite3")
    assert ": the database, the relay" in steps("default")
    of_a_server = steps("server", "--database-url", "postgresql://outbox@/app")
    assert not any(word in of_a_server for word in ("runuser", "install -d", "SQLite"))


def test_commands_are_told_by_their_path_where_their_name_is_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Path(sys.prefix) / "bin" / "outbox"
    if not program.is_file():
        pytest.skip("this environment has no program outbox: make test has.")
    monkeypatch.setenv("PATH", "/nowhere")
    assert f": {program} db upgrade\n" in call("init", "etc", "--database-url", "postgresql:///a").stdout
    monkeypatch.setenv("PATH", str(program.parent))
    assert ": outbox db upgrade\n" in call("init", "other", "--database-url", "postgresql:///a").stdout


def test_the_unit_runs_this_installation_with_this_file() -> None:
    assert call("init").exit_code == 0
    unit = Path("outbox.service").read_text()
    assert "/opt/outbox/.venv" not in unit
    program = Path(sys.prefix) / "bin" / "outbox"
    command = str(program) if program.is_file() else f"{sys.executable} -m outbox"
    assert f"\nExecStart={command} run\n" in unit
    told = re.findall(r"^Environment=OUTBOX_CONFIG=(.*)$", unit.partition("[Install]")[0], re.MULTILINE)
    assert told[-1] == str(Path("outbox.toml").resolve())
    shipped = (Path(CHECKOUT) / "deploy" / "outbox.service").read_text().splitlines()
    # All else is the unit that we ship.
    assert {line for line in shipped if "/opt/outbox/.venv" not in line} <= set(unit.splitlines())


def test_each_instance_has_settings_of_its_own_and_all_share_one_unit() -> None:
    url = ("--database-url", "sqlite:////var/lib/outbox-shop/outbox.sqlite3")
    told = call("init", "etc", "--instance", "shop", *url).stdout
    for words in (
        f"export OUTBOX_CONFIG={Path('etc').resolve()}/shop.toml",
        "password into /etc/outbox/shop.smtp_password",
        "install -d -m 700 -o outbox -g outbox /var/lib/outbox-shop",
        "systemctl enable --now outbox@shop",
    ):
        assert words in told
    assert "ReadWritePaths=" not in told
    unit = Path("etc/outbox@.service")
    assert f"\nEnvironment=OUTBOX_CONFIG={Path('etc').resolve()}/%i.toml\n\n[Install]\n" in unit.read_text()
    assert "/opt/outbox/.venv" not in unit.read_text()
    # As the steps for the first one say.
    unit.write_text(edited := unit.read_text().replace("#LoadCredential", "LoadCredential"))
    told = call("init", "etc", "--instance", "news").stdout
    assert (f"Left as it is: {unit.resolve()}" in told, unit.read_text()) == (True, edited)
    assert refused("init", "etc", "--instance", "shop", "--smtp-host", "mail.example.org")[0] == 64
    assert call("init", "etc", "--instance", "news", "--force").exit_code == 0
    assert unit.read_text() != edited
    assert sorted(path.name for path in Path("etc").iterdir()) == [
        "news.toml",
        "outbox@.service",
        "shop.toml",
    ]
    assert "is no name" in refused("init", "--instance", "a b")[1]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
@pytest.mark.parametrize(
    ("options", "unit"), [((), "outbox.service"), (("--instance", "a"), "outbox@.service")]
)
def test_systemd_takes_the_unit(options: tuple[str, ...], unit: str) -> None:
    assert call("init", *options).exit_code == 0
    done = subprocess.run(
        ["systemd-analyze", "verify", f"./{unit}"], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "outbox" in line]
    assert complaints == []


def test_no_file_is_written_over_unless_it_is_forced() -> None:
    Path("outbox.service").write_text("mine")
    code, said = refused("init")
    assert (code, f"there is {Path('outbox.service').resolve()} already" in said) == (64, True)
    assert not Path("outbox.toml").exists()
    assert Path("outbox.service").read_text() == "mine"
    # What is there may be broken: it is no source of what is written.
    Path("outbox.toml").write_text("broken =")
    assert call("init", "--force").exit_code == 0
    assert Path("outbox.service").read_text() != "mine"
    assert load().connections == 4
    assert sorted(path.name for path in Path().iterdir()) == ["outbox.service", "outbox.toml"]


@pytest.mark.parametrize("url", ["postgresql://app:geheim@db/app", "postgresql://app@db/app?password=geheim"])
def test_a_password_is_written_nowhere(url: str) -> None:
    code, said = refused("init", "--database-url", url)
    assert (code, "a password stands in it" in said, "geheim" in said) == (64, True, False)
    assert not Path("outbox.toml").exists()


def test_what_cannot_be_set_is_refused_before_anything_is_written() -> None:
    code, said = refused("init", "--smtp-host", "mail.example.org:587", "--database-url", "app")
    assert (code, "smtp_host (flag --smtp-host): this is no host" in said) == (78, True)
    assert "database_url (flag --database-url): this is no URL" in said
    Path("file").touch()
    code, said = refused("init", "file/below")
    assert (code, "cannot be written" in said) == (64, True)
