"""What everything received comes to, worked out plainly and in one pass: no database, no order of arrival.

It uses the decoder, `assess` and `reconcile` (each tested by itself), and nothing of `service.ingest` or
`service.store`. It decides by code of its own which version of a resource is the latest, whose it is, and
which records are one person's.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from service.alerts.alert import Alert, Disposition, State
from service.alerts.follow_up import with_follow_up
from service.alerts.identity import attach
from service.alerts.reconcile import reconcile
from service.alerts.states import state_of
from service.clinical.assess import assess
from service.clinical.episodes import Episode, Family
from service.clinical.recommendations import steps_of
from service.clinical.results import Condition, Done, LabResult, Measurement, Medication, PatientRecord
from service.clinical.rulebook import Rulebook
from service.fhir.encode import Addresses, Resource, encode_issue
from service.fhir.encode_requests import encode_requests
from service.fhir.incoming import Content, Deleted, Incoming, Observed, PatientFacts, Unusable

NOBODY = UUID(int=0)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
PUBLIC_URL = "https://watch.clinic.test"
RULEBOOK_VERSION = "2026.1"
ISSUE, AUTHOR = "urn:issue", "Device/1"


class Message(NamedTuple):
    """One resource as a source sent it."""

    incoming: Incoming
    received: datetime


@dataclass(frozen=True)
class Expected:
    """What must be true at the end."""

    histories: Mapping[str, set[LabResult]]
    """By the Patient they are stored under; nobody without any."""
    contexts: Mapping[str, set[tuple[str, object]]]
    """What is known besides, each with the `Type/id` that says so, by the same Patient."""
    persons: Mapping[str, str]
    """The record under which each Patient is judged."""
    episodes: Mapping[str, Sequence[Episode]]
    """By the surviving Patient's id; nobody without any."""
    alerts: Sequence[Alert]
    """Alerts that live, without identity; `subject` is the place in `names`."""
    past: Sequence[Alert]
    """What an alert for rechecks that were late says once they came, if there ever was one: see `came`."""
    names: Sequence[str]
    """Ids of all Patients, sorted."""
    dispositions: Mapping[UUID, Disposition]
    held: Sequence[tuple[str, str]]
    """(`Type/id`, reason) of everything in quarantine, sorted."""

    def ehr(self, source: str, *, skip: Collection[str] = (), past: bool = False) -> list[str]:
        """What the EHR must hold, canonical and without identifiers, except alerts in the states `skip`.

        `past`: also what it may hold of rechecks that came late.
        """
        return sorted(
            encoded(
                each,
                self.names[each.subject],
                source,
                [self.dispositions[one] for one in each.dispositions],
            )
            for each in (*self.alerts, *(self.past if past else ()))
            if each.state not in skip
        )


def expected(
    messages: Iterable[Message],
    dispositions: Sequence[Disposition],
    *,
    rulebook: Rulebook,
    now: datetime,
) -> Expected:
    """The one pass."""
    by_key: dict[str, list[Message]] = {}
    for message in messages:
        by_key.setdefault(f"{message.incoming.type}/{message.incoming.id}", []).append(message)
    latest = {key: newest(versions) for key, versions in by_key.items()}
    facts = {
        incoming.id: incoming.content
        for incoming in latest.values()
        if incoming is not None and isinstance(incoming.content, PatientFacts)
    }
    owners: dict[tuple[str, str], set[str]] = {}
    for name, said in facts.items():
        for identifier in said.identifiers:
            owners.setdefault(identifier, set()).add(name)
    names = sorted(_named(messages_of(by_key), facts))
    parts: dict[str, _Parts] = {name: _Parts([], [], [], [], []) for name in names}
    held: list[tuple[str, str]] = []
    for key, incoming in sorted(latest.items()):
        if incoming is None or isinstance(incoming.content, PatientFacts):
            continue
        owning = owners.get(incoming.patient_identifier or ("", ""), set())
        if incoming.patient is not None:
            owning = {incoming.patient}
        if isinstance(incoming.content, Unusable):
            held.append((key, incoming.content.reason))
        elif len(owning) != 1:
            held.append((key, "ambiguous-patient" if owning else "unknown-patient"))
        elif _is_future(incoming.content, rulebook, now):
            held.append((key, "future"))
        else:
            _file(parts[min(owning)], incoming.content)
    ends = {name: _survivor(name, facts) for name in names}
    held += [(f"Patient/{name}", "link-cycle") for name, end in ends.items() if end is None]
    persons = {name: end or name for name, end in ends.items()}
    records = {
        person: _record(person, [name for name in names if persons[name] == person], parts, facts)
        for person in sorted(set(persons.values()))
    }
    judged = {person: assess(record, rulebook, now).episodes for person, record in records.items()}
    alerts = [
        change.after
        for person, episodes in judged.items()
        for change in reconcile(
            [], dispositions, [(names.index(person), one) for one in episodes], now, uuid4
        )
    ]
    past = [
        alert
        for person, episodes in judged.items()
        for alert in _past(names.index(person), episodes, dispositions, now)
    ]
    return Expected(
        histories={name: set(part.results) for name, part in parts.items() if part.results},
        contexts={name: part.context() for name, part in parts.items() if part.context()},
        persons=persons,
        episodes={person: episodes for person, episodes in judged.items() if episodes},
        alerts=in_order(anonymous(alert, alert.subject) for alert in alerts),
        past=past,
        names=names,
        dispositions={made.id: made for made in dispositions},
        held=sorted(held),
    )


def came(alert: Alert) -> bool:
    """Whether it tells of rechecks that were late and came.

    Such an alert stands only where it was open before: whether somebody looked in between decides that.
    """
    return alert.family is Family.FOLLOW_UP and alert.state is State.RESOLVED


def compare_alerts(found: Iterable[Alert], wanted: Expected) -> None:
    """That the alerts found, without identity, are those wanted."""
    standing: list[Alert] = []
    for alert in in_order(found):
        if came(alert):
            assert alert in wanted.past
        else:
            standing.append(alert)
    assert standing == wanted.alerts


def anonymous(alert: Alert, subject: int) -> Alert:
    """Without what depends on the order of arrival: identity, revision, review, waiting, past advice."""
    return replace(
        alert,
        id=NOBODY,
        subject=subject,
        created=LONG_AGO,
        revision=0,
        review_since=None,
        no_longer_advised=frozenset(),
        waiting=None,
    )


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """By patient, onset, family and evidence."""
    return sorted(
        alerts, key=lambda one: (one.subject, one.episode.onset, one.family, min(one.episode.evidence))
    )


def encoded(alert: Alert, patient: str, source: str, dispositions: Sequence[Disposition]) -> str:
    """The resources that say the alert as it stands, as canonical JSON without its identifier."""
    to = Addresses(f"Patient/{patient}", ISSUE, AUTHOR, source, PUBLIC_URL, rulebook_version=RULEBOOK_VERSION)
    requests = encode_requests(alert, to)
    return canonical(alert.id, encode_issue(alert, to, dispositions), requests)


def canonical(alert_id: UUID, issue: Resource, requests: Mapping[str, Resource]) -> str:
    """Resources of one alert as text that is equal where they are equal but for the alert's identifier."""
    whole = {"issue": issue, "requests": requests}
    return json.dumps(whole, sort_keys=True, default=str).replace(str(alert_id), "ID")


def newest(versions: Sequence[Message]) -> Incoming | None:
    """The latest version of one resource; None where it is gone.

    Every message either states a version or is a deletion, which counts from the moment it was received.
    """
    deletions = [each.received for each in versions if _is_deletion(each)]
    stated = [each for each in versions if not _is_deletion(each)]
    if not stated:
        return None
    if all((each.incoming.version_id or "").isdecimal() for each in stated):
        best = max(stated, key=lambda each: int(each.incoming.version_id or ""))
    else:
        best = max(stated, key=lambda each: each.incoming.last_updated or LONG_AGO)
    since = best.incoming.last_updated or best.received
    if isinstance(best.incoming.content, Deleted) or (deletions and max(deletions) >= since):
        return None
    return best.incoming


def messages_of(by_key: Mapping[str, Sequence[Message]]) -> Iterable[Message]:
    """All messages again."""
    return (each for versions in by_key.values() for each in versions)


@dataclass(frozen=True)
class _Parts:
    results: list[LabResult]
    conditions: list[Condition]
    medications: list[Medication]
    measurements: list[Measurement]
    done: list[Done]

    def context(self) -> set[tuple[str, object]]:
        said: list[tuple[str, object]] = [(each.key.resource, each) for each in self.measurements]
        said += [(each.reference, each) for each in self.conditions]
        said += [(each.reference, each) for each in self.medications]
        said += [(each.reference, each) for each in self.done]
        return set(said)


def _is_deletion(message: Message) -> bool:
    incoming = message.incoming
    return (
        isinstance(incoming.content, Deleted)
        and incoming.version_id is None
        and incoming.last_updated is None
    )


def _named(messages: Iterable[Message], facts: Mapping[str, PatientFacts]) -> set[str]:
    """Every Patient anybody ever mentioned."""
    named = set(facts)
    for message in messages:
        content = message.incoming.content
        if message.incoming.patient:
            named.add(message.incoming.patient)
        if isinstance(content, PatientFacts):
            named |= {*content.replaces, content.replaced_by or message.incoming.id}
    return named


def _is_future(content: Content, rulebook: Rulebook, now: datetime) -> bool:
    tolerance = timedelta(hours=rulebook.rules.results.future_tolerance_hours)
    return isinstance(content, Observed) and any(each.effective > now + tolerance for each in content.results)


def _file(part: _Parts, content: Content) -> None:
    if isinstance(content, Condition):
        part.conditions.append(content)
    elif isinstance(content, Medication):
        part.medications.append(content)
    elif isinstance(content, Done):
        part.done.append(content)
    elif isinstance(content, Observed):
        part.results.extend(content.results)
        part.measurements.extend(content.measurements)
        part.done.extend(content.done)


def _past(
    subject: int, episodes: Sequence[Episode], dispositions: Sequence[Disposition], now: datetime
) -> Iterable[Alert]:
    """The alerts for rechecks that are not missing any more."""
    joined = with_follow_up(episodes, dispositions, now)
    for episode, decided in zip(joined, attach(dispositions, joined).by_episode, strict=True):
        standing = state_of(episode, decided, now)
        if episode.family is not Family.FOLLOW_UP or standing.state is not State.RESOLVED:
            continue
        if episode.tier is not None:
            yield Alert(
                id=NOBODY,
                subject=subject,
                family=episode.family,
                state=standing.state,
                tier=episode.tier,
                created=LONG_AGO,
                episode=episode,
                owner=standing.owner,
                seen=standing.seen,
                dispositions=tuple(made.id for made in decided),
                advised=frozenset(step.name for step in steps_of(episode)),
                revision=0,
            )


def _survivor(name: str, facts: Mapping[str, PatientFacts]) -> str | None:
    """The record a Patient's links lead to; None where they lead in a circle or to two."""
    reached, at = [name], name
    while True:
        onward = {other for other, said in facts.items() if at in said.replaces}
        if at in facts and facts[at].replaced_by is not None:
            onward.add(facts[at].replaced_by or "")
        if not onward:
            return at
        if len(onward) > 1:
            return None
        (at,) = onward
        if at in reached:
            return None
        reached.append(at)


def _record(
    person: str, members: Sequence[str], parts: Mapping[str, _Parts], facts: Mapping[str, PatientFacts]
) -> PatientRecord:
    said = facts.get(person)
    return PatientRecord(
        results=[each for name in members for each in parts[name].results],
        sex=said.sex if said else None,
        birth_date=said.birth_date if said else None,
        deceased=any(facts[name].deceased for name in members if name in facts),
        conditions=[each for name in members for each in parts[name].conditions],
        medications=[each for name in members for each in parts[name].medications],
        measurements=[each for name in members for each in parts[name].measurements],
        done=[each for name in members for each in parts[name].done],
    )
