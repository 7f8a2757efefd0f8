"""Who may put a rulebook in force, and who are two people, as far as accounts tell.

Two accounts that the same issuer vouches for, or that are both of this service: one person may have one of
each. Neither was ever made or changed by the other, nor by an account that the other made; and neither by
anybody from a while before the proposal until it is confirmed, for who manages accounts could else be both.
Not found out is who has two accounts of one issuer, or waits with the password of another.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from service.errors import Conflict, Forbidden
from service.store import users
from service.store.account_managing import managed_by, was_managed
from service.store.users import Role

DECIDERS: Final = (Role.PHYSICIAN,)
"""Who may propose and confirm: rules are medicine, and admins could make themselves a second person."""
SETTLED: Final = timedelta(days=7)
"""So long before a proposal nobody may have managed either account: time for whoever it belongs to to notice
that another has its password."""


def decides(connection: Connection, account: str) -> bool:
    """Whether the account of that id may put a rulebook in force."""
    found = users.find(connection, account)
    return found is not None and found.active and not found.roles.isdisjoint(DECIDERS)


def check_decides(connection: Connection, account: str) -> None:
    """Refuse whoever may not put a rulebook in force.

    Raises:
        Forbidden: the account of that id may not.
    """
    if not decides(connection, account):
        raise Forbidden(f"only people with the role {' or '.join(DECIDERS)} put a rulebook in force")


def check_settled(connection: Connection, account: str, now: datetime) -> None:
    """Refuse whoever proposes and could not be confirmed, because somebody has managed their account lately.

    Raises:
        Conflict: somebody has; `now` (aware) is when it is proposed.
    """
    if was_managed(connection, account, now - SETTLED):
        raise Conflict(
            f"your account was managed less than {SETTLED.days} days ago: somebody else has to propose"
        )


def check_two_people(connection: Connection, proposer: str, account: str, proposed_at: datetime) -> None:
    """Refuse whoever confirms and could be who proposed.

    Args:
        connection: an open transaction.
        proposer: id of the account that proposed; it may still do so.
        account: id of the one that confirms; it may do so.
        proposed_at: when it was proposed (aware).

    Raises:
        Conflict: they could be one person.
    """
    if account == proposer:
        raise Conflict("you proposed it: somebody else has to confirm")
    if users.by_id(connection, proposer).issuer != users.by_id(connection, account).issuer:
        raise Conflict("you do not sign in where the proposer does: somebody who does has to confirm")
    if account in managed_by(connection, proposer) or proposer in managed_by(connection, account):
        raise Conflict("one of you has managed the account of the other: somebody else has to confirm")
    since = proposed_at - SETTLED
    within = f"was managed less than {SETTLED.days} days before the proposal, or since"
    if was_managed(connection, account, since):
        raise Conflict(f"your account {within}: somebody else has to confirm")
    if was_managed(connection, proposer, since):
        raise Conflict(f"the account of who proposed it {within}: withdraw it, somebody else has to propose")
