"""What Chromium measured of the frames of a stage."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import chromium


@dataclass(frozen=True, slots=True)
class Found:
    """One mail in one frame; lengths are CSS pixels, `paper` is the luminance behind it, 0 to 1."""

    mail: str
    scheme: str
    height: int
    inner: int
    paper: float
    scroll: int
    column: float
    beyond: list[str]
    texts: list[dict[str, Any]]
    buttons: list[float]


def found(page: Path) -> list[Found]:
    """Lay out the stage in the file `page`, and return what was measured, frame by frame."""
    match = re.search(r'id="found">(.*?)</script>', chromium.dom(page), re.DOTALL)
    assert match is not None
    return [Found(**each) for each in json.loads(match[1])]
