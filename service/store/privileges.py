"""What the role that the service connects as may do on PostgreSQL, where it does not own the tables.

The owner of a table may drop its triggers, the owner of its schema the table itself. A service that is
neither can do none of that nor, by what it is granted here, change what stands in the audit log: not even one
that somebody has taken over.
"""

from typing import Final

from sqlalchemy import Connection, text

from service.errors import ConfigurationError
from service.store.schema import audit, audit_seal, metadata

APPEND_ONLY: Final = frozenset({audit.name, audit_seal.name})
_VERSIONS: Final = "alembic_version"

_ROLE: Final = text(
    "SELECT rolsuper OR pg_has_role(rolname, :owner, 'MEMBER') OR pg_has_role(rolname, nspowner, 'MEMBER') "
    "FROM pg_roles, pg_namespace WHERE rolname = :role AND nspname = current_schema()"
)
_OWNER: Final = text(
    "SELECT tableowner, pg_has_role(tableowner, 'MEMBER') AS is_ours FROM pg_tables "
    "WHERE schemaname = current_schema() AND tablename = :name"
)


def grant(connection: Connection, role: str) -> None:
    """Let a role do what the service does, and no more: whatever it was granted on these tables before ends.

    Args:
        connection: in a transaction of the owner of the tables, which are up to date.
        role: of that server; it may log in.

    Raises:
        ConfigurationError: the database is not PostgreSQL; the tables are another's; the role is unknown, or
            a superuser or (a member of) an owner, whom no grant keeps from anything.
    """
    if connection.dialect.name != "postgresql":
        raise ConfigurationError("roles are PostgreSQL's: SQLite has none")
    owner = connection.execute(_OWNER, {"name": audit.name}).one()
    if not owner.is_ours:  # PostgreSQL would only warn
        raise ConfigurationError(f"only {owner.tableowner!r}, who owns the tables, can grant that")
    owns = connection.execute(_ROLE, {"role": role, "owner": owner.tableowner}).scalar_one_or_none()
    if owns is None:
        raise ConfigurationError(f"there is no role {role!r}: make it with createuser")
    if owns:
        raise ConfigurationError(
            f"{role!r} is a superuser, or owns the tables, their schema or the database: nothing can be kept "
            "from it"
        )
    quote = connection.dialect.identifier_preparer.quote
    quoted, schema = quote(role), quote(_schema(connection))
    tables = [table.name for table in metadata.sorted_tables]
    changing = ", ".join(quote(name) for name in tables if name not in APPEND_ONLY)
    for statement in (
        f"REVOKE ALL ON {', '.join(map(quote, (*tables, _VERSIONS)))} FROM {quoted}",
        f"GRANT USAGE ON SCHEMA {schema} TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {changing} TO {quoted}",
        f"GRANT SELECT, INSERT ON {', '.join(map(quote, sorted(APPEND_ONLY)))} TO {quoted}",
        f"GRANT SELECT ON {quote(_VERSIONS)} TO {quoted}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}",
    ):
        connection.execute(text(statement))


def _schema(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_schema()")).scalar_one())
