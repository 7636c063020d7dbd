"""Take the pictures of docs/pictures: each finished mail, narrow, wide and very wide, light and dark."""

import tempfile
from pathlib import Path

from tests.looks.found import found
from tests.looks.stage import NAMES, ROOT, SCHEMES, WIDTHS, rendered, stage
from tests.support import chromium

FOLDER = ROOT / "docs" / "pictures"
_SPACE = 24


def take(name: str, file: Path) -> None:
    """Write the picture of one mail, as large as its frames are."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "stage.html")
        page.write_text(stage({name: str(rendered(name).html)}), encoding="utf-8")
        frames = found(page)
        rows = [max(each.height for each in frames if each.scheme == scheme) for scheme in SCHEMES]
        width = sum(WIDTHS) + _SPACE * (len(WIDTHS) + 1)
        chromium.picture(page, width, sum(rows) + 2 * _SPACE * len(rows), file)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in NAMES:
        take(each, FOLDER / f"{each}.webp")
