"""Two hospitals in half a year whose figures can be worked out by hand: see `happened`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, select, update

from service.alerts.alert import Action, Alert, OverrideReason, Remark, RemarkKind, State
from service.alerts.events import Change, Event, EventKind
from service.clinical.analytes import Analyte
from service.clinical.episodes import (
    AlreadyDone,
    AskedRecheck,
    Episode,
    Family,
    Plan,
    Suppression,
    Tier,
)
from service.clinical.rulebook import load_rulebook
from service.clinical.work_up import FIRST_LINE
from service.quality.measures import Figures, Question, evaluate, measure_named
from service.quality.measures.asking import question_of
from service.settings import Settings
from service.store import alerts, courses, freshness, patients, quarantine, remarks, resources, sources
from service.store.courses import Course, Elevation
from service.store.quarantine import Held
from service.store.resources import Version, digest_of
from service.store.schema import patient, source
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.ways import Way
from tests.fhir.alert_examples import alert as an_alert
from tests.fhir.alert_examples import disposition, episode

SET_UP = datetime(2025, 12, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at_nine(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 9, tzinfo=UTC)


def plan_with(*missing: str, ordered: Sequence[str] = ()) -> Plan:
    """The first-line work-up asked for, all done but what is missing or only ordered."""
    steps = [replace(episode().plan.steps[0], name=name) for name in missing]
    day = date(2026, 1, 1)
    done = [AlreadyDone(name, day, name in ordered, ()) for name in FIRST_LINE if name not in missing]
    return Plan(steps=tuple(steps), done=tuple(done))


@dataclass
class MeasuredClinic:
    """The sources `clinic` and `annex`; what is put in is numbered as it comes."""

    engine: Engine
    people: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with writing(self.engine) as connection:
            for name in ("clinic", "annex"):
                found = sources.find(connection, name)
                added = found or sources.add(connection, name, SourceSettings(), "secret", SET_UP)
                self.sources[name] = added.id
            connection.execute(update(source).values(created=SET_UP))

    def person(self, fhir_id: str, of: str = "clinic", **known: object) -> None:
        with writing(self.engine) as connection:
            number = patients.named(connection, self.sources[of], [fhir_id])[fhir_id].id
            self.people[fhir_id] = number
            if known:
                connection.execute(update(patient).where(patient.c.id == number).values(**known))

    def public_id(self, fhir_id: str) -> str:
        with reading(self.engine) as connection:
            query = select(patient.c.public_id).where(patient.c.id == self.people[fhir_id])
            return str(connection.execute(query).scalar_one())

    def raised(
        self,
        fhir_id: str,
        tier: Tier,
        at: datetime,
        state: State,
        *,
        plan: Plan | None = None,
        over: datetime | None = None,
        died: bool = False,
        then: Sequence[tuple[datetime, EventKind, str]] = (),
        risen: Tier | None = None,
        made: Sequence[UUID] = (),
    ) -> UUID:
        """An alert, raised then.

        Args:
            fhir_id: whose.
            tier: with which.
            at: when.
            state: in which it is now.
            plan: of its episode.
            over: when it was resolved.
            died: it was, by death.
            then: what else happened to it, in order.
            risen: its tier now, where that is another.
            made: ids of decisions made on other alerts that stand on it.
        """
        of: Episode = replace(episode(tier=risen or tier), deceased=died)
        if plan is not None:
            of = replace(of, plan=plan)
        alert: Alert = replace(
            an_alert(of, state=state), id=uuid4(), subject=self.people[fhir_id], dispositions=tuple(made)
        )
        events = [(at, EventKind.RAISED, tier.name.lower()), *then]
        if over is not None:
            events.append((over, EventKind.RESOLVED, "was open"))
        with writing(self.engine) as connection:
            source_id = patients.source_of(connection, alert.subject)
            for number, (moment, kind, detail) in enumerate(events):
                before = alert if number else None
                alerts.save(connection, [Change(before, alert, (Event(kind, detail),))], source_id, moment)
        return alert.id

    def decided(
        self,
        alert_id: UUID,
        action: Action,
        at: datetime,
        reason: OverrideReason | None = None,
        until: date | None = None,
    ) -> UUID:
        made = replace(disposition(action), id=uuid4(), at=at, reason=reason and reason.value, until=until)
        with writing(self.engine) as connection:
            subject = alerts.get(connection, alert_id).subject
            alerts.add_disposition(connection, made, subject, alert_id)
        return made.id

    def voted(self, alert_id: UUID, kind: RemarkKind, at: datetime) -> None:
        with writing(self.engine) as connection:
            remarks.add(connection, Remark(uuid4(), alert_id, at, "N. Nurse", kind))

    def judged(self, fhir_id: str, *found: Elevation | AskedRecheck) -> None:
        elevations = tuple(each for each in found if isinstance(each, Elevation))
        asked = tuple(each for each in found if isinstance(each, AskedRecheck))
        text = courses.encode(Course(elevations, asked))
        with writing(self.engine) as connection:
            of = patient.c.id == self.people[fhir_id]
            connection.execute(update(patient).where(of).values(course=text))

    def received(
        self,
        key: str,
        at: datetime,
        late: timedelta | None,
        *,
        fhir_id: str | None = "p1",
        state: str = "live",
        held: bool = False,
        way: Way = "feed",
        of: str = "clinic",
        version_id: str | None = "1",
    ) -> None:
        """A resource that the EHR had stored so long before; of nobody where none is named."""
        stored = None if late is None else at - late
        with writing(self.engine) as connection:
            source_id, number = self.sources[of], self.people[fhir_id] if fhir_id else None
            version = Version(key, number, version_id, stored, at, digest_of(key.encode()), state, 1, way)
            resources.add_current(connection, source_id, [version])
            if held:
                why = Held(0, source_id, key, number, "unknown-unit", None, "squeaks", None, at, "feed")
                quarantine.hold(connection, [why])

    def corrected(
        self, key: str, at: datetime, late: timedelta | None, way: Way, version_id: str | None = "2"
    ) -> None:
        """The EHR stored another version of it so long before."""
        digest = digest_of(f"{key} corrected {version_id}".encode())
        stored = None if late is None else at - late
        came = {"last_updated": stored, "received": at, "digest": digest, "way": way, "state": "live"}
        self._replaced(key, version_id=version_id, **came)

    def read_again(self, key: str, times: int) -> None:
        """Its version takes its own place, as under another rulebook."""
        for _ in range(times):
            self._replaced(key)

    def _replaced(self, key: str, **changes: Any) -> None:
        source_id = self.sources["clinic"]
        with writing(self.engine) as connection:
            before = resources.current(connection, source_id, [key])[key]
            resources.replace_current(connection, source_id, [(before, before._replace(**changes))])
            resources.add_older(connection, source_id, [(before, 2)])

    def fed(self, since: datetime, of: str = "clinic") -> None:
        """The feed of a source first brought something then."""
        with writing(self.engine) as connection:
            freshness.message_came(connection, [self.sources[of]], since)

    def question(self, *names: str, now: datetime = NOW, first: date = FIRST, last: date = LAST) -> Question:
        with reading(self.engine) as connection:
            book, seen = load_rulebook(), names or self.sources
            return question_of(connection, Settings(), book, now, first=first, last=last, names=[*seen])

    def figures(self, measure: str, *names: str, now: datetime = NOW) -> Figures:
        question = self.question(*names, now=now)
        with reading(self.engine) as connection:
            ((_, found),) = evaluate(connection, question, [measure_named(measure)])
        return found


def happened(at: MeasuredClinic) -> None:
    """Half a year; the letters are those of the comments in the tests."""
    at.person("p1", sex="female", birth_date=date(1960, 5, 1), ethnicity="White", language="en-GB")
    at.person("p2", sex="male", birth_date=date(1990, 1, 1), language="zh-CN")
    at.person("p3")
    at.person("p4", "annex", sex="female", birth_date=date(1980, 1, 1))
    at.person("p5", sex="male", birth_date=date(2010, 1, 1))
    _in_february(at)
    _in_march(at)
    _at_other_times(at)
    _results(at)


def _in_february(at: MeasuredClinic) -> None:
    a = at_nine(2, 2)
    alert = at.raised("p1", Tier.URGENT, a, State.RESOLVED, over=a + 18 * DAY)  # A
    at.decided(alert, Action.TAKE, a + 2 * HOUR)
    at.decided(alert, Action.ESCALATE, a + 6 * HOUR)
    at.voted(alert, RemarkKind.NOT_USEFUL, a + 7 * HOUR)
    at.voted(alert, RemarkKind.USEFUL, a + 8 * HOUR)
    b = at_nine(2, 10)
    alert = at.raised("p2", Tier.URGENT, b, State.OVERRIDDEN)  # B
    at.decided(alert, Action.TAKE, b + 6 * HOUR)
    at.decided(alert, Action.OVERRIDE, b + 2 * DAY, OverrideReason.WRONG_DATA)


def _in_march(at: MeasuredClinic) -> None:
    at.raised("p3", Tier.SOON, at_nine(3, 2), State.OPEN, plan=plan_with())  # C
    d = at_nine(3, 5)
    alert = at.raised("p3", Tier.SOON, d, State.REFERRED, plan=plan_with("liver-ultrasound"))  # D
    at.decided(alert, Action.REFER, d + 10 * DAY)
    at.voted(alert, RemarkKind.NOT_USEFUL, d + 11 * DAY)
    i = at_nine(3, 10)
    at.raised("p5", Tier.URGENT, i, State.RESOLVED, over=i + 3 * HOUR)  # I


def _at_other_times(at: MeasuredClinic) -> None:
    e = at_nine(4, 20)
    alert = at.raised("p2", Tier.ROUTINE, e, State.OVERRIDDEN)  # E
    at.decided(alert, Action.OVERRIDE, e + DAY, OverrideReason.ALREADY_MANAGED)
    f = at_nine(1, 5)
    ordered = plan_with(ordered=["hepatitis-b-serology"])
    alert = at.raised("p4", Tier.ROUTINE, f, State.MONITORING, plan=ordered)  # F
    at.decided(alert, Action.KNOWN_CAUSE, f + 10 * DAY)
    at.raised("p1", Tier.SOON, at_nine(5, 1), State.ENTERED_IN_ERROR)  # G: withdrawn
    h = at_nine(2, 1)
    at.raised("p1", Tier.ROUTINE, h, State.RESOLVED, over=h)  # H: over when it was first seen
    at.raised("p1", Tier.SOON, at_nine(12, 31, 2025), State.OPEN)  # J: before the period


def ended_otherwise(at: MeasuredClinic) -> None:
    """The same half-year, of alerts that ended, came back or slept otherwise; letters as above."""
    at.person("p1", sex="female")
    _died(at)
    _came_back(at)
    _rose_or_slept(at)
    x, merged = at_nine(3, 1), (at_nine(3, 1) + 3 * HOUR, EventKind.MERGED, "into another")
    other = at.raised("p1", Tier.URGENT, x + HOUR, State.MERGED, then=[merged])  # W: merged into X
    made = at.decided(other, Action.TAKE, x + 2 * HOUR)
    at.raised("p1", Tier.URGENT, x, State.TAKEN, made=[made])  # X


def _died(at: MeasuredClinic) -> None:
    k, el, m = at_nine(2, 2), at_nine(3, 1), at_nine(3, 3)
    at.raised("p1", Tier.URGENT, k, State.RESOLVED, over=k + 10 * DAY, died=True)  # K
    at.raised("p1", Tier.SOON, el, State.RESOLVED, over=el + 4 * DAY, died=True)  # L
    alert = at.raised("p1", Tier.SOON, m, State.RESOLVED, over=m + 10 * DAY, died=True)  # M
    at.decided(alert, Action.OVERRIDE, m + 2 * DAY, OverrideReason.END_OF_LIFE_CARE)


def _came_back(at: MeasuredClinic) -> None:
    n = at_nine(1, 5)
    at.raised("p1", Tier.ROUTINE, n, State.DORMANT, then=[(n, EventKind.DORMANT, "was open")])  # N
    found, o = at_nine(12, 10, 2025), at_nine(3, 2)
    woke = [
        (found, EventKind.DORMANT, "was open"),
        (o, EventKind.TIER_RAISED, "routine → urgent"),
        (o, EventKind.AWAKENED, "dormant → open"),
    ]
    alert = at.raised("p1", Tier.ROUTINE, found, State.TAKEN, then=woke, risen=Tier.URGENT)  # O
    at.decided(alert, Action.TAKE, o + 2 * HOUR)
    p = at_nine(2, 1)
    reopened = [(p + 10 * DAY, EventKind.RESOLVED, "was open"), (p + 19 * DAY, EventKind.REOPENED, "…")]
    at.raised("p1", Tier.SOON, p, State.OPEN, then=reopened)  # P
    q = at_nine(2, 3)
    alert = at.raised("p1", Tier.URGENT, q, State.OPEN)  # Q
    at.decided(alert, Action.OVERRIDE, q + DAY, OverrideReason.OTHER)
    at.decided(alert, Action.REOPEN, q + 3 * DAY)
    y = at_nine(2, 1)
    reinstated = [
        (y + 2 * DAY, EventKind.WITHDRAWN, "…"),
        (y + 4 * DAY, EventKind.REINSTATED, "as resolved"),
    ]
    at.raised("p1", Tier.SOON, y, State.RESOLVED, then=reinstated, over=y + 4 * DAY)  # Y


def _rose_or_slept(at: MeasuredClinic) -> None:
    rose = [(NOW - HOUR, EventKind.TIER_RAISED, "routine → urgent")]
    at.raised("p1", Tier.ROUTINE, at_nine(4, 1), State.OPEN, then=rose, risen=Tier.URGENT)  # R
    rose = [(NOW - DAY, EventKind.TIER_RAISED, "routine → urgent")]
    at.raised("p1", Tier.ROUTINE, at_nine(6, 1), State.OPEN, then=rose, risen=Tier.URGENT)  # S
    alert = at.raised("p1", Tier.SOON, at_nine(5, 1), State.SNOOZED)  # T
    at.decided(alert, Action.SNOOZE, at_nine(5, 2))
    u, planned = at_nine(1, 10), at_nine(4, 10)
    looked_at = [(planned, EventKind.WOKEN, "its date has come")]
    alert = at.raised("p1", Tier.URGENT, u, State.OPEN, then=looked_at)  # U
    at.decided(alert, Action.KNOWN_CAUSE, u + 2 * DAY, until=planned.date())
    v, higher = at_nine(1, 12), at_nine(1, 20)
    woken = [(higher, EventKind.TIER_RAISED, "soon → urgent"), (higher, EventKind.WOKEN, "a higher tier")]
    alert = at.raised("p1", Tier.SOON, v, State.TAKEN, then=woken, risen=Tier.URGENT)  # V
    at.decided(alert, Action.OVERRIDE, v + DAY, OverrideReason.DUPLICATE)
    at.decided(alert, Action.TAKE, higher + 2 * HOUR)


def _results(at: MeasuredClinic) -> None:
    february, march = date(2026, 2, 1), date(2026, 3, 1)
    at.judged(
        "p1",
        Elevation(Family.TRANSAMINASE, february, Tier.URGENT, None),
        Elevation(Family.BILIRUBIN, march, None, Suppression.GILBERT),
        Elevation(Family.TRANSAMINASE, date(2025, 11, 1), Tier.SOON, None),  # before the period
        AskedRecheck(Analyte.ALT, february, date(2026, 3, 3), date(2026, 2, 15)),
        AskedRecheck(Analyte.AST, february, date(2026, 3, 3), date(2026, 3, 10)),
    )
    at.judged(
        "p2",
        Elevation(Family.CHOLESTATIC, date(2026, 2, 5), None, Suppression.BONE_SOURCE),
        AskedRecheck(Analyte.ALP, march, date(2026, 3, 31), None),
        AskedRecheck(Analyte.ALT, date(2026, 6, 20), date(2026, 7, 20), date(2026, 6, 25)),  # too early
    )
    at.fed(at_nine(1, 15))
    noon = datetime(2026, 2, 1, 12, tzinfo=UTC)
    at.received("Observation/o1", noon, timedelta(minutes=10))
    at.received("Observation/o2", noon, 2 * HOUR, way="catch-up")  # which the feed lost
    at.received("Observation/o3", noon, None)  # does not say when it was stored
    at.received("Observation/o4", noon, 90 * DAY)  # came with the history
    at.received("Observation/o5", noon, timedelta(minutes=5), held=True)
    at.received("Observation/o6", noon, HOUR, state="deleted")
    at.received("Patient/p1", noon, HOUR)
    at.received("Observation/o7", datetime(2025, 12, 31, tzinfo=UTC), HOUR)  # before the period
