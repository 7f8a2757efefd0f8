"""What a nurse narrows the worklist by: read from an address or a form, and written into the next one."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from starlette.requests import Request

from service.alerts.alert import State
from service.alerts.states import ASLEEP, OVER
from service.clinical.ages import AGES
from service.clinical.catalogues.causes import known_causes
from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family, Tier
from service.clinical.months import add_months
from service.dashboard.words import FAMILIES, STATES, TIERS, plain
from service.store.worklist import Place, Wanted

LIVE: Final = tuple(state for state in State if state not in OVER)
AWAKE: Final = tuple(state for state in LIVE if state not in ASLEEP)
GROUPS: Final[Mapping[str, tuple[str, Collection[State]]]] = {
    "": ("To do", AWAKE),
    "asleep": ("Put off or overridden", tuple(state for state in LIVE if state in ASLEEP)),
    "all": ("All that are not over", ()),
}
"""States that are looked at together; the first is what a nurse comes for."""

EVERYTHING: Final = "/?state="
"""The address of the worklist that nothing narrows; at `/` stands the view that is to be seen first."""
LONGEST_SEARCH: Final = 200
_PLACE = re.compile(r"(\d{24})\.([0-9a-f]{32})")


class Whose(StrEnum):
    """Owners that are no names."""

    MINE = "me"
    NOBODYS = "nobody"


@dataclass(frozen=True, slots=True)
class Filters:
    """The choices as they were made; what is not among the choices is as if it were not there."""

    tier: str = ""
    family: str = ""
    state: str = ""
    owner: str = ""
    source: str = ""
    age: str = ""
    cause: str = ""
    words: str = field(default="", repr=False)
    """Searched for; never part of an address."""
    after: Place | None = None

    def wanted(self, mine: frozenset[str], today: date, people: Collection[int] | None = None) -> Wanted:
        """As the store is asked.

        Args:
            mine: the names of who asks, for `me`.
            today: the day ages are of.
            people: whom the words that are searched for name; None where nothing is searched for.
        """
        states = GROUPS[self.state][1] if self.state in GROUPS else (State(self.state),)
        none: frozenset[str] = frozenset()
        named = frozenset({_name(self.owner)})
        owners = {Whose.MINE: mine, Whose.NOBODYS: none, "": none}.get(self.owner, named)
        _, youngest, oldest = AGES.get(self.age, ("", None, None))
        return Wanted(
            tier=Tier[self.tier.upper()] if self.tier else None,
            family=Family(self.family) if self.family else None,
            states=states,
            owners=owners,
            unowned=self.owner == Whose.NOBODYS,
            cause=CauseName(self.cause) if self.cause else None,
            born_by=None if youngest is None else add_months(today, -12 * youngest),
            born_after=None if oldest is None else add_months(today, -12 * (oldest + 1)),
            people=people,
        )

    def narrowed(self, sources: Mapping[int, str]) -> list[int]:
        """Those of the sources, by their numbers, whose alerts are asked for."""
        return [number for number, name in sources.items() if self.source in ("", name)]

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by the name of their field; without what was searched for."""
        names = ("tier", "family", "state", "owner", "source", "age", "cause")
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def chosen_from_lists(self) -> str:
        """The filters that are chosen from a list, as a query: nothing in it can have been typed."""
        return urlencode(
            {name: each for name, each in self.chosen.items() if name not in ("owner", "source")}
        )

    @property
    def address(self) -> str:
        """Of the worklist narrowed so, from its beginning."""
        return f"/?{self.query}" if self.chosen else EVERYTHING

    @property
    def query(self) -> str:
        """The filters that are set, as they stand in an address; nothing of what was searched for."""
        return urlencode(self.chosen)

    def going_on(self, place: Place) -> str:
        """The address of what comes after `place`."""
        return f"/?{urlencode({**self.chosen, 'after': token_of(place)})}"


def read(given: Mapping[str, Sequence[str]]) -> Filters:
    """The filters in an address or a form."""

    def one(name: str, allowed: Collection[str] | None = None) -> str:
        value = plain(next(iter(given.get(name) or ()), "")).strip()[:LONGEST_SEARCH]
        return value if allowed is None or value in allowed else ""

    return Filters(
        tier=one("tier", [tier.name.lower() for tier in Tier]),
        family=one("family", list(Family)),
        state=one("state", [*GROUPS, *LIVE]),
        owner=one("owner"),
        source=one("source"),
        age=one("age", AGES),
        cause=one("cause", list(CauseName)),
        words=one("words"),
        after=place_of(one("after")),
    )


def read_query(query: str) -> Filters:
    """The filters of a saved view."""
    return read(parse_qs(query))


def of_address(request: Request) -> Filters:
    """The filters in the address that is asked for."""
    return read({name: request.query_params.getlist(name) for name in request.query_params})


def choices(
    filters: Filters, owners: Sequence[str], sources: Sequence[str]
) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
    """Each filter's field, label and options: value, words, and whether it is the one chosen."""
    causes = sorted((cause.title, name.value) for name, cause in known_causes().items())
    whose = [
        (Whose.MINE.value, "me"),
        (Whose.NOBODYS.value, "nobody"),
        *((f"={name}", name) for name in owners),
    ]
    states = [(key, words) for key, (words, _) in GROUPS.items()] + [
        (each.value, STATES[each]) for each in LIVE
    ]
    tiers = [(tier.name.lower(), f"{name}: {within}") for tier, (name, within) in TIERS.items()]
    every = {
        "tier": ("Urgency", [("", "any"), *tiers]),
        "family": ("Finding", [("", "any"), *((each.value, words) for each, words in FAMILIES.items())]),
        "state": ("State", states),
        "owner": ("Owner", [("", "anybody"), *whose]),
        "source": ("Source", [("", "all"), *((name, name) for name in sources)]),
        "age": ("Age", [("", "any"), *((key, words) for key, (words, *_) in AGES.items())]),
        "cause": ("Leading cause", [("", "any"), *((name, title) for title, name in causes)]),
    }
    return [
        (name, label, [(value, words, value == getattr(filters, name)) for value, words in options])
        for name, (label, options) in every.items()
    ]


def token_of(place: Place) -> str:
    """A place as part of an address; it says nothing of a patient."""
    return f"{place.place}.{place.alert.hex}"


def place_of(token: str) -> Place | None:
    """The place that a token names; None for what is none."""
    found = _PLACE.fullmatch(token)
    return Place(found[1], UUID(found[2])) if found else None


def _name(owner: str) -> str:
    """Names are marked, so that nobody's name is taken for `me`."""
    return owner.removeprefix("=")
