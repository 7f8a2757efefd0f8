"""Which alert is meant, and who it is that decides."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Engine

AlertId = Annotated[str, typer.Argument(help="The alert's id, or enough of its beginning.")]


def alert_named(engine: "Engine", given: str) -> "UUID":
    """The id of the one alert that begins so.

    Raises:
        NotFound: there is none.
        Conflict: there are several.
    """
    from uuid import UUID

    from sqlalchemy import select

    from service.errors import Conflict, NotFound
    from service.store.schema import alert
    from service.store.session import reading

    digits = given.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise NotFound("that is no alert's id; see `liverwatch alerts`")
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    with reading(engine) as connection:
        query = select(alert.c.id).where(alert.c.id.between(first, last)).limit(2)
        found: Sequence[UUID] = connection.execute(query).scalars().all()
    if not found:
        raise NotFound("there is no alert of that id; see `liverwatch alerts --all`")
    if len(found) > 1:
        raise Conflict("more than one alert's id begins so; give more of it")
    return found[0]
