"""The guides for whoever comes from another library name what there is."""

import re
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

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


def test_alembic_proposes_to_drop_nothing_of_ours_with_the_function_of_the_guide(sqlite_url: str) -> None:
    guide = next(each for each in GUIDES if each.stem == "from-flask-mail").read_text(encoding="utf-8")
    [block] = re.findall(r" *```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, object] = {}
    exec(dedent(block), names)  # noqa: S102 - the block is what is tested
    engine = create_engine(sqlite_url)
    outbox.migrate(engine)
    with engine.connect() as connection:
        plain = MigrationContext.configure(connection)
        chosen = MigrationContext.configure(connection, opts={"include_name": names["include_name"]})
        assert compare_metadata(plain, MetaData()) != []
        assert compare_metadata(chosen, MetaData()) == []
    engine.dispose()
