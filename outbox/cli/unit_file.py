"""The systemd unit that is shipped, with the paths of this installation in it."""

import shlex
import shutil
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_PROGRAM = "/opt/outbox/.venv/bin/outbox"
_ENVIRONMENT = "/opt/outbox/.venv"
_END = "[Install]\n"


def unit_file(unit: str, folder: Path, config: str) -> str:
    """Return the shipped `unit` as it runs this installation of ours, with the settings `config` of `folder`.

    In the name `config` specifiers of systemd hold, such as %i.
    """
    text = (_shipped() / unit).read_text(encoding="utf-8")
    text = text.replace(_PROGRAM, _command()).replace(_ENVIRONMENT, sys.prefix)
    # Of several the last counts, and a unit that names a file of its own names it above.
    return text.replace(_END, f"Environment={_quoted(folder, config)}\n\n{_END}", 1)


def program() -> str:
    """Return how a shell calls this installation of ours: by its path, where its name would find another."""
    found = shutil.which("outbox")
    here = Path(sys.prefix) / "bin" / "outbox"
    return "outbox" if found and Path(found).resolve() == here.resolve() else shlex.join(_words())


def is_hidden_from_units(path: Path) -> bool:
    """Tell whether `path` is among what ProtectHome= hides from the daemon (systemd.exec(5))."""
    return any(path.is_relative_to(each) for each in ("/home", "/root", "/run/user"))


def _shipped() -> Path:
    """Return where the units are: inside an installed package, else at the root of a checkout."""
    installed = _PACKAGE / "_deploy"
    return installed if installed.is_dir() else _PACKAGE.parent / "deploy"


def _command() -> str:
    """Return the program of this environment; where it has none, Python with our module."""
    return " ".join(map(_escaped, _words()))


def _words() -> list[str]:
    program = Path(sys.prefix) / "bin" / "outbox"
    return [str(program)] if program.is_file() else [sys.executable, "-m", "outbox"]


def _quoted(folder: Path, config: str) -> str:
    return _as_one(f"OUTBOX_CONFIG={_literal(str(folder))}/{config}")


def _escaped(word: str) -> str:
    return _as_one(_literal(word))


def _literal(word: str) -> str:
    # "%" begins a specifier (systemd.syntax(7)).
    return word.replace("%", "%%")


def _as_one(word: str) -> str:
    # Quotes are needed for spaces only.
    return f'"{word}"' if " " in word else word
