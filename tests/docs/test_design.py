"""The design page says what the code does."""

import re
from pathlib import Path

from outbox.mail.request import REQUESTS
from outbox.mail.status import LATE, MOVES, Status
from outbox.settings.model import Settings
from outbox.store.grants import Role
from outbox.store.schema import metadata

DOCS = Path(__file__).resolve().parents[2] / "docs"
DESIGN = (DOCS / "design.md").read_text(encoding="utf-8")


def test_the_table_of_moves_is_the_one_in_the_code() -> None:
    lines = []
    for move, edge in MOVES.items():
        owned = "owned" if edge.owned else ""
        late = f"late: {LATE[move]}" if edge.owned else ""
        lines.append(f"{move:<16}{edge.source} -> {edge.target:<10}  {owned:<8}{late}".rstrip())
    found = re.search(r"<!-- moves.*?-->\n```\n(.*?)\n```", DESIGN, re.DOTALL)
    assert found is not None
    assert "\n".join(lines) == found.group(1)


def requests() -> str:
    """Return the table of requests: what each does in each state, where it does anything."""
    lines = []
    for request, states in REQUESTS.items():
        for status, usual in states.items():
            for given, found in ((None, usual), *usual.but.items()):
                wishes = "no wish" if found.withdraws else f"wish: {found.wish}"
                does = f"-> {found.target}" if found.target else wishes
                if found.changes or given:
                    where = f"where {given}" if given else ""
                    lines.append(
                        f"{request:<10}{status:<9} {does if found.changes else 'refused':<13}{where}".rstrip()
                    )
    return "\n".join(lines)


def test_the_table_of_requests_is_the_one_in_the_code() -> None:
    found = re.search(r"<!-- requests.*?-->\n```\n(.*?)\n```", DESIGN, re.DOTALL)
    assert found is not None
    assert requests() == found.group(1)


def test_every_status_is_explained() -> None:
    assert [status for status in Status if f"| `{status}` |" not in DESIGN] == []


def test_every_table_is_explained() -> None:
    assert [table for table in metadata.tables if f"| `{table}` |" not in DESIGN] == []


def test_every_role_is_explained() -> None:
    page = (DOCS / "roles.md").read_text(encoding="utf-8")
    assert [role for role in Role if f"| `{role}` |" not in page] == []


def test_the_readme_names_only_settings_that_exist() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    named = {name.lower() for name in re.findall(r"OUTBOX_([A-Z_]+)", readme)}
    assert set() == named - set(Settings.model_fields)


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []


def test_each_decision_has_a_number_of_its_own_by_which_its_page_begins() -> None:
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    numbers = [int(page.name.split("-")[0]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    for number, page in zip(numbers, pages, strict=True):
        assert page.read_text(encoding="utf-8").startswith(f"# {number}. "), page.name
