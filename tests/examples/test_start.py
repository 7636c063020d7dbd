"""An example that cannot start says why, before it has begun anything."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.running import ROOT
from tests.support.waiting import free_port


def start(folder: Path, ports: dict[str, str]) -> tuple[int, str]:
    """Start an example in `folder`; return its exit code and what it told."""
    outcome = subprocess.run(
        [sys.executable, "-m", "examples.start", "flasky"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **ports},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return outcome.returncode, outcome.stderr


@pytest.mark.parametrize("variable", ["EXAMPLE_PORT", "EXAMPLE_CATCHER_PORT"])
def test_a_port_that_is_taken_is_told_with_the_variable_that_names_another(
    tmp_path: Path, variable: str
) -> None:
    ports = {name: str(free_port()) for name in ("EXAMPLE_PORT", "EXAMPLE_CATCHER_PORT")}
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        ended = start(tmp_path, ports)
    told = f"Something else listens on port {ports[variable]}. Stop it, or set {variable} to a free port.\n"
    assert ended == (1, told)
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("port", ["web", "0", "65536", "-1", ""])
def test_a_port_that_is_none_is_told_with_its_variable(tmp_path: Path, port: str) -> None:
    told = f"EXAMPLE_PORT is no port: {port!r}. Set it to a number from 1 to 65535.\n"
    assert start(tmp_path, {"EXAMPLE_PORT": port}) == (1, told)
    assert not (tmp_path / "build").exists()
