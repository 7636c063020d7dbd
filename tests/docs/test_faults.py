"""Each fault that we know of has its number in the name of a test, or its reason on a page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

KNOWN = {*range(1, 26), *range(28, 88), *range(89, 93)}
"""The numbers of the faults that are met so far; others come with other work."""

UNTESTED = {
    29: "0024-a-database-that-went-back.md",
    30: "0024-a-database-that-went-back.md",
    36: "0029-faults-of-a-daemon-that-no-test-meets.md",
    37: "0029-faults-of-a-daemon-that-no-test-meets.md",
}
"""Those that no test meets at all, and the page that says why."""

PAGES = [
    "0008-faults-that-no-test-of-the-conversation-meets.md",
    "0013-faults-of-the-queue-that-no-test-meets.md",
    "0018-faults-of-the-life-of-a-mail.md",
    UNTESTED[29],
    UNTESTED[36],
]


def named() -> set[int]:
    """Return the numbers in the names of the tests."""
    tests = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {
        int(number) for text in tests for number in re.findall(r"^def test_fault_(\d+)_", text, re.MULTILINE)
    }


def excused(page: str) -> set[int]:
    """Return the numbers of the faults, or parts of faults, that a page says something of."""
    text = (ROOT / "docs" / "decisions" / page).read_text(encoding="utf-8")
    items = re.findall(r"^- \*\*(.*?)\*\*", text, re.MULTILINE | re.DOTALL)
    return {int(number) for item in items for number in re.findall(r"\((\d+)\)", item)}


def test_each_known_fault_is_met_by_a_test() -> None:
    assert UNTESTED.keys() == KNOWN - named()


def test_the_pages_speak_of_known_faults_only() -> None:
    assert set() == {number for page in PAGES for number in excused(page)} - KNOWN
    assert all(excused(page) for page in PAGES)
