"""One migrated database of each kind for the whole run, emptied before each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from outbox import migrate
from tests.contract.scene import TABLES, Scene
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database
from tests.support.users import migrated


@pytest.fixture(scope="session", params=["sqlite", "postgresql", "mysql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a database with our tables; making one for each test would take most of the time."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('contract') / 'outbox.sqlite3'}"
        migrated(url)
        yield url
        return
    with fresh_database(POSTGRESQL if request.param == "postgresql" else MYSQL) as url:
        migrated(url)
        yield url


@pytest.fixture(scope="session")
def shared_scene(shared_url: str) -> Iterator[Scene]:
    """Give the store on that database; its connections last as long, too."""
    scene = Scene(shared_url)
    yield scene
    scene.close()


@pytest.fixture
def scene(shared_scene: Scene) -> Scene:
    """Give the store on an empty database, each kind in turn."""
    shared_scene.empty()
    return shared_scene


@pytest.fixture(scope="session")
def owners_engine() -> Iterator[Engine]:
    """Give the owner's engine of a PostgreSQL with our tables."""
    with fresh_database(POSTGRESQL) as url:
        engine = create_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def emptied(owners_engine: Engine) -> Engine:
    """Give that engine on empty tables, for what only PostgreSQL has."""
    with owners_engine.begin() as connection:
        for table in TABLES:
            connection.execute(table.delete())
    return owners_engine


@pytest.fixture
def rival(scene: Scene) -> Iterator[Scene]:
    """Give the same database by connections of its own, as another daemon sees it."""
    with scene.another() as other:
        yield other
