"""The systemd unit that is shipped, with the paths of this installation in it."""

import shlex
import shutil
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_PROGRAM = "/opt/outbox/.venv/bin/outbox"
_ENVIRONMENT = "/opt/outbox/.venv"
_END = "[Install]\n"


def unit_file(config: Path) -> str:
    """Return the unit that runs this installation of ours with the settings in `config`."""
    text = _shipped().read_text(encoding="utf-8")
    text = text.replace(_PROGRAM, _command()).replace(_ENVIRONMENT, sys.prefix)
    # Of several the last counts, and a unit that names a file of its own names it above.
    return text.replace(_END, f"Environment={_quoted(config)}\n\n{_END}", 1)


def program() -> str:
    """Return how a shell calls this installation of ours: by its path, where its name would find another."""
    found = shutil.which("outbox")
    here = Path(sys.prefix) / "bin" / "outbox"
    return "outbox" if found and Path(found).resolve() == here.resolve() else shlex.join(_words())


def is_hidden_from_units(path: Path) -> bool:
    """Tell whether `path` is among what ProtectHome= hides from the daemon (systemd.exec(5))."""
    return any(path.is_relative_to(each) for each in ("/home", "/root", "/run/user"))


def _shipped() -> Path:
    """Return the unit inside an installed package, else at the root of a checkout."""
    installed = _PACKAGE / "_deploy"
    return (installed if installed.is_dir() else _PACKAGE.parent / "deploy") / "outbox.service"


def _command() -> str:
    """Return the program of this environment; where it has none, Python with our module."""
    return " ".join(map(_escaped, _words()))


def _words() -> list[str]:
    program = Path(sys.prefix) / "bin" / "outbox"
    return [str(program)] if program.is_file() else [sys.executable, "-m", "outbox"]


def _quoted(config: Path) -> str:
    return _escaped(f"OUTBOX_CONFIG={config}")


def _escaped(word: str) -> str:
    # "%" begins a specifier; and quotes are needed for spaces only (systemd.syntax(7)).
    word = word.replace("%", "%%")
    return word if shlex.quote(word) == word or " " not in word else f'"{word}"'
