"""A small application on each database, and what it has queued."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import scene, shared_scene, shared_url
from tests.contract.scene import Scene
from tests.integrations.flask.site import Site

__all__ = ["scene", "shared_scene", "shared_url"]


@pytest.fixture
def site(scene: Scene) -> Iterator[Site]:
    """Give an application with Flask-SQLAlchemy on each database in turn."""
    made = Site(scene)
    yield made
    made.close()
