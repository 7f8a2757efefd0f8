"""Make a FHIR server hold one alert's resources, exactly once, whatever became of earlier attempts.

Look, compare, write the difference in transactions of a few entries, the DetectedIssue first, look again. An
identifier of ours finds what is there; creates are conditional on it, updates on the version that was
compared. A conditional create can still race on real servers: then the oldest resource stays and the others
are entered in error. Where a server takes no transactions the same is done one by one, and a type that it
refuses is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.fhir import names
from service.fhir.changes import Found, Held, Known, Wanted, carried_out, learnt, named, nothing_new, plan
from service.fhir.client import FhirClient
from service.fhir.comparing import age, has_identifier
from service.fhir.manner import UPDATED, USUAL, Manner
from service.fhir.remote import RemoteConflict, RemoteRefused, RemoteUnavailable

Resource = dict[str, Any]

AT_ONCE: Final = 8
"""Entries in one transaction: some servers (Medplum) take no more where creates are conditional."""
ROUNDS: Final = 5
"""Looks at the server before giving up on it for now; one more for each type that it may refuse."""
_FIRST: Final = "DetectedIssue"


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to."""

    known: Known
    wrote: bool
    """False: the server held it all already, or there was nothing to hold."""
    manner: Manner = USUAL
    """With what the server has refused."""

    @property
    def targets(self) -> tuple[str, ...]:
        """References to the DetectedIssue, first, and the rest of it; empty where there is nothing."""
        ordered = sorted(self.known.held.items(), key=lambda item: (item[0] != names.ISSUE, item[0]))
        return tuple(f"{key.partition('/')[0]}/{held.id}" for key, held in ordered)


def write_back(
    client: FhirClient, wanted: Wanted, known: Known, *, first: bool, still_ours: Callable[[], bool]
) -> Written:
    """Make the server hold what is wanted.

    Args:
        client: of that server.
        wanted: of one alert.
        known: what was learnt before.
        first: nothing can be there yet: spares the first look.
        still_ours: whether the lease still holds; asked before each write.

    Raises:
        RemoteUnavailable: try again later; what was written so far will be recognised.
        RemoteRefused: the server will not take it, and does not hold it either.
        InvalidOutgoing: what we made is not valid.
    """
    if nothing_new(wanted, known):
        return Written(known, False, wanted.manner)
    work = _Work(client, wanted, known, Found() if first else _look(client, wanted, known, search=False))
    for _round in range(ROUNDS + len(UPDATED)):
        if not work.next_part():
            return work.written()
        try:
            creates = work.send(still_ours)
        except RemoteConflict:
            work.look()
        except RemoteRefused as refused:
            # On some servers a lost race looks like a refusal: look before believing it.
            work.look()
            if work.next_part() == work.part and not work.leaves_out(refused):
                raise
        else:
            if not creates:
                return work.written()
            work.look()
    raise RemoteUnavailable("the resources kept changing while they were written")


@dataclass(slots=True)
class _Work:
    """A write under way."""

    client: FhirClient
    wanted: Wanted
    known: Known
    found: Found
    """What the server holds, as far as is known by now."""
    part: list[Resource] = field(default_factory=list)
    """The entries sent last."""
    wrote: bool = False

    def written(self) -> Written:
        """What it came to, when the server holds it all."""
        return Written(learnt(self.wanted, self.found), self.wrote, self.wanted.manner)

    def leaves_out(self, refused: RemoteRefused) -> bool:
        """Whether the rest can be written without what was refused; it is left out from now on."""
        manner, kind = self.wanted.manner, self.part[0]["resource"]["resourceType"]
        if manner.in_transactions:
            self.wanted = replace(self.wanted, manner=replace(manner, in_transactions=False))
            return manner.may_part
        self.wanted = replace(self.wanted, manner=manner.without(kind, refused.message))
        return kind != _FIRST or refused.whole_type

    def look(self) -> None:
        """See what is there, by our identifiers."""
        self.found = _look(self.client, self.wanted, self.known, search=True)

    def next_part(self) -> list[Resource]:
        """What is to be sent next; nothing where the server holds it all.

        What is referred to comes before what refers to it, so each part stands by itself.
        """
        return plan(self.wanted, self.found)[: AT_ONCE if self.wanted.manner.in_transactions else 1]

    def send(self, still_ours: Callable[[], bool]) -> bool:
        """Send all that is missing, part by part; whether anything was created."""
        creates = False
        last: list[Resource] = []
        while (part := self.next_part()) and part != last:
            if not still_ours():
                raise RemoteUnavailable("the lease ran out before the write")
            self.part = last = part
            if self.wanted.manner.in_transactions:
                responses = self.client.transaction(part)
            else:
                responses = [carry_out(self.client, each) for each in part]
            self.wrote = True
            self.known = named(self.known, part, responses)
            self.found = carried_out(self.wanted, self.found, part, self.known)
            creates |= any(entry["request"]["method"] == "POST" for entry in part)
        return creates


def carry_out(client: FhirClient, entry: Resource) -> Resource:
    """Do by itself what an entry of a transaction says; what the transaction would have answered.

    Raises:
        RemoteError: the server did not answer, or refused.
        InvalidOutgoing: the resource is not valid; nothing was sent.
    """
    request, resource = entry["request"], entry["resource"]
    if request["method"] == "PUT":
        client.update(resource, if_match=request.get("ifMatch"))
        return {"location": request["url"]}
    answer = client.create(resource, if_none_exist=request["ifNoneExist"])
    kind = str(resource["resourceType"])
    id_ = answer.id_of(kind)
    return {"location": f"{kind}/{id_}" if id_ else answer.location or ""}


def _look(client: FhirClient, wanted: Wanted, known: Known, *, search: bool) -> Found:
    """What the server holds of it; by the ids learnt, or (`search`) by our identifiers first."""
    found = Found()
    for blank in wanted.referring({}):
        key, identifier = names.key_of(blank), blank["identifier"][0]
        kind, ours = blank["resourceType"], (identifier["system"], identifier["value"])
        there = _locate(client, kind, ours, known.held.get(key), search)
        if there:
            found.there[key] = there[0]
        found.surplus += there[1:]
    return found


def _locate(
    client: FhirClient, kind: str, identifier: tuple[str, str], held: Held | None, search: bool
) -> list[Resource]:
    if held is not None and not search:
        resource = client.read(kind, held.id)
        if resource is not None and has_identifier(resource, *identifier):
            return [resource]
    there = search_ours(client, kind, *identifier)
    if not there and held is not None and search:
        # A server whose searches lag behind its writes.
        resource = client.read(kind, held.id)
        return [resource] if resource is not None and has_identifier(resource, *identifier) else []
    return there


def search_ours(client: FhirClient, kind: str, system: str, value: str) -> list[Resource]:
    """Every resource there with that identifier, the oldest first."""
    there = client.search(kind, {"identifier": f"{system}|{value}"})
    return sorted((each for each in there if has_identifier(each, system, value)), key=age)
