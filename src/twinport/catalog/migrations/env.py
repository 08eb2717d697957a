"""The script that Alembic runs: it runs the migrations on the connection that catalog/engine/migrating.py passes."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
