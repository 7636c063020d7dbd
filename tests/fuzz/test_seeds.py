"""Every seed of the fuzzers, and every input that once broke something, passes without atheris."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import command, conversation, reply

SEEDS = sorted(path for path in Path(__file__).with_name("seeds").glob("*/*"))
TARGETS: dict[str, Callable[[bytes], None]] = {
    "command": command.check,
    "conversation": conversation.check,
    "reply": reply.check,
}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.parent.name}/{seed.name}")
def test_a_seed_passes(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())
