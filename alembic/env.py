"""Run the outbox's migrations on a connection handed over by `outbox.migrate`, or print their SQL.

The URL never passes through Alembic's Config: a `%` in a password would break its parser.
"""

from alembic import context

VERSION_TABLE = "outbox_alembic_version"

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        version_table=VERSION_TABLE,
        as_sql=True,
        literal_binds=True,
    )
else:
    context.configure(connection=connection, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
