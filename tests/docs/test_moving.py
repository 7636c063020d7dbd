"""The guides for whoever comes from another library name what there is."""

import re
from pathlib import Path

import pytest

import outbox
from outbox.settings import Settings

GUIDES = sorted((Path(__file__).resolve().parents[2] / "docs" / "moving").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_names_what_there_is(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    for name in re.findall(r"\boutbox\.(\w+)\(", text):
        assert name in outbox.__all__
    for name in re.findall(r"OUTBOX_([A-Z_]+)", text):
        assert name.lower() in Settings.model_fields
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (guide.parent / link).exists(), link


def test_there_are_four_guides() -> None:
    assert len(GUIDES) == 4
