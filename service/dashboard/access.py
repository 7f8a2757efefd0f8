"""Who may open a page: people who have signed in, each with roles and with the sources they may see.

An endpoint that takes `user: SignedIn` is for anybody who is signed in; one that takes `Annotated[User,
needs(Role.NURSE)]`, or has that among its `dependencies`, for those of a role. Both check, where something is
to be changed, that one of our own pages asks for it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request

from service.dashboard import cookies
from service.dashboard.forms import SAFE_METHODS, Sent, check_origin, check_token, token_of
from service.errors import Forbidden, Unauthenticated
from service.settings import Settings
from service.store import decisions, sessions, users
from service.store.session import reading, writing
from service.store.sessions import Session
from service.store.users import Role
from service.two_people import DECIDERS as RULEBOOK_DECIDERS

__all__ = [
    "NotAllowed",
    "NotSignedIn",
    "PasswordDue",
    "Role",
    "SignedIn",
    "User",
    "form_token",
    "needs",
]

PASSWORD_PAGE: Final = "/account/password"  # noqa: S105 - an address
_WITH_A_ONE_TIME_PASSWORD: Final = frozenset({PASSWORD_PAGE, "/sign-out"})
UNATTENDED_HEADER: Final = "liverwatch-unattended"
"""Sent by pages with what nobody has asked them for."""
READERS: Final = (Role.NURSE, Role.PHYSICIAN, Role.AUDITOR, Role.ADMIN)
"""Who may see patients."""
FEED_READERS: Final = (Role.ENGINEER, Role.ADMIN)
"""Who may see how the feeds of sources stand."""
MEASURE_READERS: Final = (Role.AUDITOR, Role.PHYSICIAN, Role.ADMIN)
"""Who may see how well everybody's work is done."""
AUDITORS: Final = (Role.AUDITOR, Role.ADMIN)
"""Who may see who looked at a record, and place it under legal hold."""
_NOTED_EVERY = timedelta(seconds=30)


class NotSignedIn(Unauthenticated):
    """Nobody is signed in, or not any more."""


class NotAllowed(Forbidden):
    """Somebody is signed in whose roles do not reach this far."""


class PasswordDue(Forbidden):
    """Somebody is signed in by a one-time password, which has to be changed first."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is signed in."""

    id: str
    """As the audit log names them: `user:` and the id of the account. It never changes."""
    name: str
    """As others see it."""
    roles: frozenset[Role]
    sources: frozenset[str]
    """Names of the sources whose patients they may see."""
    shortcuts: bool = True
    """Single keys do things on the worklist."""
    zone: str | None = None
    """Name of the time zone in which they read times; None for UTC."""
    former_names: frozenset[str] = frozenset()
    """By which others saw them before."""

    @property
    def names(self) -> frozenset[str]:
        """All under which something of theirs may stand."""
        return self.former_names | {self.name}

    @property
    def account(self) -> str:
        """Id of the account."""
        return self.id.removeprefix(users.ACTOR)

    @property
    def reads_patients(self) -> bool:
        """Whether the pages of patients are open to them."""
        return not self.roles.isdisjoint(READERS)

    @property
    def reads_feeds(self) -> bool:
        """Whether the page of feeds is open to them."""
        return not self.roles.isdisjoint(FEED_READERS)

    @property
    def reads_measures(self) -> bool:
        """Whether the pages of measures are open to them."""
        return not self.roles.isdisjoint(MEASURE_READERS)

    @property
    def decides_rulebooks(self) -> bool:
        """Whether they may put a rulebook in force, with somebody else."""
        return not self.roles.isdisjoint(RULEBOOK_DECIDERS)

    @property
    def audits(self) -> bool:
        """Whether they may see who looked at a record, of the sources they see, and have it held."""
        return not self.roles.isdisjoint(AUDITORS)

    def sees(self, source: str) -> bool:
        """Whether patients of a source are shown to them."""
        return source in self.sources


def signed_in(request: Request, fields: Sent) -> User:
    """Who is signed in.

    Raises:
        NotSignedIn: nobody, or not any more.
        PasswordDue: their password has to be changed first.
        Forged: something is to be changed, and it was not one of our pages that asked for it.
    """
    token = cookies.read(request)
    if token is None:
        raise NotSignedIn("sign in first")
    engine, now = request.app.state.engine, datetime.now(UTC)
    with reading(engine) as connection:
        session = sessions.find(connection, token)
        account = users.find(connection, session.account_id) if session else None
        sources = users.sources_of(connection, account) if account else frozenset()
        names = users.names_of(connection, account.id) if account else frozenset()
    if session is None or account is None or not account.active:
        raise NotSignedIn("sign in first")
    user = User(
        f"{users.ACTOR}{account.id}",
        account.shown,
        account.roles,
        sources,
        account.shortcuts,
        account.zone,
        names - {account.shown},
    )
    _check_age(request, session, token, user, now)
    if request.method not in SAFE_METHODS:
        check_origin(request)
        check_token(request, fields, token)
    request.state.user, request.state.form_token = user, token_of(token)
    if account.one_time and request.url.path not in _WITH_A_ONE_TIME_PASSWORD:
        raise PasswordDue("choose a password of your own first")
    return user


SignedIn = Annotated[User, Depends(signed_in)]
"""An endpoint that takes one of these is for people who have signed in."""


def needs(*roles: Role) -> Any:
    """A dependency, among a router's or on a parameter: only people with one of these roles pass."""
    allowed = frozenset(roles)

    def allowed_user(user: SignedIn) -> User:
        if not user.roles & allowed:
            raise NotAllowed(f"this is for: {', '.join(sorted(allowed))}")
        return user

    return Depends(allowed_user)


def form_token(request: Request) -> str | None:
    """What the forms of the page that is being made must send; None where nobody is signed in."""
    token = getattr(request.state, "form_token", None)
    return token if isinstance(token, str) else None


def longest_silence(settings: Settings) -> timedelta:
    """After so long without a request somebody is signed out."""
    return timedelta(minutes=settings.session_idle_minutes)


def longest_session(settings: Settings) -> timedelta:
    """After so long somebody is signed out in any case."""
    return timedelta(hours=settings.session_hours)


def _unattended(request: Request) -> bool:
    """Whether a page asks by itself: that says nothing about whether somebody sits before it."""
    streams = request.headers.get("accept", "").startswith("text/event-stream")
    return streams or UNATTENDED_HEADER in request.headers


def _check_age(request: Request, session: Session, token: str, user: User, now: datetime) -> None:
    state = request.app.state
    idle = now - session.used >= longest_silence(state.settings)
    if idle or now - session.created >= longest_session(state.settings):
        with writing(state.engine) as connection:
            sessions.end(connection, token)
            detail = {"why": "idle" if idle else "over"}
            decisions.write_audit(connection, at=now, actor=user.id, action="sign-out", detail=detail)
        raise NotSignedIn("sign in again: you were away for too long, or signed in for too long")
    if not _unattended(request) and now - session.used >= _NOTED_EVERY:
        with writing(state.engine) as connection:
            sessions.use(connection, token, now)
