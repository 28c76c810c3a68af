"""What Alembic runs for every command.

Called by Alembic from `yunjin.store.migrate`, which hands over a connection whose transaction it ends
itself, so that all due migrations are one transaction.
"""

from alembic import context

from yunjin.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
