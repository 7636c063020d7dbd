"""Where templates and catalogues stand: folders, folders inside packages, and ours."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from outbox.errors import TemplateError

Place = str | Path
"""A folder, or "package=NAME" (its folder that is called as the field is), or "package=NAME/FOLDER"."""

# No colon: it separates the folders of OUTBOX_TEMPLATES.
_PACKAGE = "package="


def folders(field: str, places: Place | Sequence[Place]) -> tuple[Path, ...]:
    """Return the folders that `places` name, in their order.

    Raises TemplateError, which begins with `field`, for a folder or a package that is missing.
    """
    if isinstance(places, str | Path):
        places = (places,)
    return tuple(_folder(field, place) for place in places)


def own() -> Path:
    """Return our templates: a wheel has them inside the package, a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_templates"
    return installed if installed.is_dir() else package.parent / "templates"


def _folder(field: str, place: Place) -> Path:
    if str(place).startswith(_PACKAGE):
        return _of_package(field, str(place))
    folder = Path(place)
    if not folder.is_dir():
        raise TemplateError(f"{field}: {str(folder)!r} is no directory. Create it, or leave it out.")
    return folder


def _of_package(field: str, place: str) -> Path:
    package, _, inside = place.removeprefix(_PACKAGE).partition("/")
    inside = inside or field
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        raise TemplateError(
            f"{field}: {place!r} names no package that can be imported. Install it, or correct the name."
        )
    for location in spec.submodule_search_locations:
        if (folder := Path(location) / inside).is_dir():
            return folder
    raise TemplateError(
        f"{field}: the package of {place!r} has no folder {inside!r} on disk. "
        f"Create it, or name another: {_PACKAGE}{package}/FOLDER."
    )
