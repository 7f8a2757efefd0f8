"""What a feed lost is told from what it brought by these conditions, wherever it is counted."""

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, or_

from service.store.schema import resource, superseded


def stored_at(version: FromClause) -> ColumnElement[datetime | None]:
    """When the EHR stored it, as it says itself; never after it came, whatever the clock of the EHR says.

    Args:
        version: `resource` or `superseded`.

    Returns:
        None of what does not say.
    """
    stated, received = version.c.last_updated, version.c.received
    return case((stated > received, received), else_=stated)


def may_be_the_feeds(version: FromClause) -> ColumnElement[bool]:
    """Asking found it, and the feed brought the same resource with neither versionId nor lastUpdated.

    By those alone two spellings are known to be one version: nobody can say whether the feed lost this one.

    Args:
        version: `resource` or `superseded`.
    """
    brought = [
        exists().where(
            other.c.source_id == version.c.source_id,
            other.c.key == version.c.key,
            other.c.way == "feed",
            other.c.state != "deleted",  # as "live", PostgreSQL may look through all that was received
            other.c.version_id.is_(None),
            other.c.last_updated.is_(None),
        )
        for other in (resource.alias(), superseded.alias())
    ]
    return and_(version.c.way == "catch-up", or_(*brought))
