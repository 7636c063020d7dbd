"""MariaDB under its own name, in a database whose default character set is an old one."""

from uuid import uuid4

from sqlalchemy import create_engine, text

import outbox
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.store.sessions import Sessions


def test_a_mariadb_url_gives_the_same_tables_as_a_mysql_one(mysql_url: str) -> None:
    url = mysql_url.replace("mysql+", "mariadb+", 1)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER DATABASE CHARACTER SET latin1"))
    outbox.migrate(engine)
    with engine.begin() as connection:
        outbox.Outbox(sender="a@example.org").enqueue(
            connection, to="b@example.org", subject="Zoë \N{GRINNING FACE}", text="Hi", key="k"
        )
    engine.dispose()
    database = Database(url)
    database.check()
    queue = Queue(database)
    holder = uuid4()
    Sessions(database).start(holder, host="test", pid=1, version="0", ttl=60)
    [claim] = queue.claim(holder, 10)
    assert queue.messages([claim.message_id])[claim.message_id].mime.endswith(b"Hi\r\n")
    subject = database.read(lambda c: c.execute(text("SELECT subject FROM outbox_message")).scalar())
    assert subject == "Zoë \N{GRINNING FACE}"
    database.close()
