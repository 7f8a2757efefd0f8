"""Promise 2: what is known, judged and wanted in the EHR does not depend on the order things came in.

And promise 4: whatever came in, and in whatever order, every decision on the way can be made again.

A state machine plays a small world: an EHR that writes, corrects, retracts, deletes, reassigns and merges; a
feed that loses the order, repeats, and batches as it likes; nurses who decide at any moment; processes that
restart. In the end, and now and then before it, everything stored must be what a plain one-pass oracle makes
of the messages received.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from service.alerts.alert import Action, Alert, Disposition, OverrideReason, State
from service.alerts.states import permitted
from service.assessments import assessments
from service.clinical.analytes import Analyte
from service.deliver.letters import read_letter
from service.fhir import names
from service.fhir.changes import Known
from service.store import alerts as alert_store
from service.store import outbox
from service.store.schema import audit, audit_seal, disposition, metadata
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.contexts import (
    ANA,
    AUDIT_C,
    CERULOPLASMIN,
    FERRITIN,
    HBSAG,
    SATURATION,
    condition,
    drug,
    examination,
    measurement,
)
from tests.ingest.feeding import (
    NOW,
    RULEBOOK,
    Feed,
    Resource,
    decoded,
    deletion,
    observation,
    patient,
    pregnancy,
    report,
)
from tests.oracle import (
    AUTHOR,
    ISSUE,
    PUBLIC_URL,
    RULEBOOK_VERSION,
    Expected,
    Message,
    anonymous,
    canonical,
    compare_alerts,
    expected,
    in_order,
)
from tests.quality.replays import assert_every_decision_replays_identical

PATIENTS = ("p1", "p2", "p3")
DAYS_AGO = (820, 780, 500, 440, 330, 300, 210, 200, 120, 100, 60, 20, 10, 5, 1)
SPANS = ((330, 210, 60), (300, 200, 100, 10), (820, 780, 500, 440), (440, 330, 210, 120, 20), (20, 5, 1))
TIMES = ("0.5", "0.9", "1.2", "1.5", "3", "3.5", "6", "16")
QUIET = frozenset({State.RESOLVED, State.DORMANT})
"""States in which an alert is in the EHR only if it was there before."""

ids = st.sampled_from(["o4p1", "o5p1", "o6p2", "o9p2", "o11p3", "x1", "x2", "r1", "r2"])
"""Those that begin with r are of reports that contain the result."""
owners = st.sampled_from(PATIENTS)
analytes = st.sampled_from(
    [Analyte.ALT, Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT, Analyte.TOTAL_BILIRUBIN]
)
statuses = st.sampled_from(
    ["final", "final", "final", "final", "corrected", "preliminary", "entered-in-error", "registered"]
)
levels = st.lists(st.sampled_from(TIMES), min_size=5, max_size=5)
flavours = st.sampled_from(["plain", "plain", "plain", "plain", "unit", "mrn", "future"])
beside = st.sampled_from([Analyte.PLATELETS, Analyte.PLATELETS, Analyte.ALBUMIN, Analyte.CREATINE_KINASE])
"""Liver tests that no rule alerts by."""

# What context there is. The ids are few, so that one often says another thing than it did before.
MEASURED: Sequence[tuple[Resource, float | str, str]] = (
    *((FERRITIN, 900, "ug/L"), (FERRITIN, 90, "ug/L"), (FERRITIN, 1, "squeaks"), (SATURATION, 60, "%")),
    *((CERULOPLASMIN, 0.1, "g/L"), (CERULOPLASMIN, 30, "mg/dL"), (AUDIT_C, 8, "{score}")),
    *((HBSAG, "positive", ""), (HBSAG, "not detected", ""), (ANA, "1:160", ""), (ANA, "borderline", "")),
    *(({"text": "HFE gene mutations"}, "C282Y/C282Y", ""), ({"text": "Gallstones"}, "absent", "")),
)
EXAMINED = ("Ultrasound of the liver", "FibroScan", "MRI liver", "Iron studies", "Liver biopsy")
EXAMINED_AS = {
    "Procedure": ("", "", "in-progress", "not-done", "entered-in-error"),
    "DiagnosticReport": ("", "", "registered", "unknown", "cancelled"),
    "ServiceRequest": ("", "", "completed", "on-hold", "revoked"),
}
"""By resource type its statuses; empty is the usual one."""
CONCLUSIONS = ("Hepatic steatosis", "No gallstones", "Possible cirrhosis", "Dilated bile ducts")
CONDITIONS = (
    "Hepatic steatosis",
    "Chronic hepatitis C",
    "Gallstones",
    "Alcohol dependence",
    "Sprained ankle",
)
DRUGS = ("Isoniazid 300 mg", "Simvastatin 20 mg", "Paracetamol 1 g", "Warfarin 5 mg", "Vitamin D")
TAKEN_AS = {
    "MedicationRequest": ("", "", "stopped", "on-hold", "cancelled", "entered-in-error"),
    "MedicationStatement": ("", "", "completed", "not-taken", "entered-in-error"),
    "MedicationAdministration": ("", "", "in-progress", "not-done", "entered-in-error"),
}
CONTEXT_DAYS = (400, 320, 250, 205, 60, 10, 3, -5)


def empty(engine: Engine) -> None:
    """Forget everything in the database."""
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            if table not in (audit, audit_seal):  # only added to; nothing is judged by them
                connection.execute(table.delete())


class World(RuleBasedStateMachine):
    """One EHR and one database."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        empty(self.engine)
        self.pending: list[Resource | tuple[str, str, bytes]] = []
        """What the EHR has said and the feed has not brought yet."""
        self.received: list[Message] = []
        self.counts: dict[str, int] = {}
        self.said: dict[str, tuple[str, Analyte, int, str]] = {}
        """Owner, analyte, days ago and level of each result as last written."""
        self.ehr: dict[UUID, tuple[bool, str]] = {}
        """What was written there: whether it is entered in error, and what it says of what stands now."""
        self.proposed: dict[UUID, set[str]] = {}
        """The steps of each alert that were written there as active at any time."""

    @initialize(
        numbered=st.booleans(),
        backfill_writes=st.sampled_from(["open", "all"]),
        settle=st.booleans(),
        stories=st.lists(st.tuples(owners, analytes, st.sampled_from(SPANS), levels), min_size=1, max_size=3),
    )
    def begin(
        self,
        numbered: bool,
        backfill_writes: str,
        settle: bool,
        stories: Sequence[tuple[str, Analyte, Sequence[int], Sequence[str]]],
    ) -> None:
        self.numbered = numbered
        self.feed = Feed(
            self.engine,
            SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir"),
            settle=timedelta(minutes=15 if settle else 0),
            backfill_writes=backfill_writes,
        )
        for owner, analyte, days, times in stories:
            self._series(owner, analyte, days, [max(each, "1.5", key=float) for each in times])
            self.bring_all()

    # The EHR.

    def _version(self, key: str) -> dict[str, Any]:
        self.feed.now += timedelta(seconds=1)
        self.counts[key] = self.counts.get(key, 7) + 1  # from 8, so that 9 is followed by 10
        return {"version": self.counts[key] if self.numbered else None, "updated": self.feed.now}

    @rule(
        id_=ids,
        owner=owners,
        analyte=analytes,
        days=st.sampled_from(DAYS_AGO),
        times=st.sampled_from(TIMES),
        status=statuses,
        flavour=flavours,
    )
    def result(
        self, id_: str, owner: str, analyte: Analyte, days: int, times: str, status: str, flavour: str
    ) -> None:
        """One result, or another version of one that may have been somebody else's."""
        self._result(id_, owner, analyte, days, times, status, flavour)

    @rule(owner=owners, analyte=analytes, days=st.sampled_from(SPANS), times=levels, now=st.booleans())
    def series(
        self, owner: str, analyte: Analyte, days: Sequence[int], times: Sequence[str], now: bool
    ) -> None:
        """Several results of one analyte, in place of whatever their ids were before."""
        self._series(owner, analyte, days, times)
        if now:
            self.bring_all()

    def _series(self, owner: str, analyte: Analyte, days: Sequence[int], times: Sequence[str]) -> None:
        for ago, level in zip(days, times, strict=False):
            self._result(f"o{DAYS_AGO.index(ago) + 1}{owner}", owner, analyte, ago, level, "final", "plain")

    @precondition(lambda self: self.said)
    @rule(
        data=st.data(),
        what=st.sampled_from(["give", "give", "retract", "correct", "again"]),
        now=st.booleans(),
    )
    def revise(self, data: st.DataObject, what: str, now: bool) -> None:
        """Some results are given to another patient, retracted, corrected, or sent anew as they were."""
        known = sorted(self.said)
        chosen = data.draw(st.lists(st.integers(0, len(known) - 1), min_size=1, max_size=4, unique=True))
        owner, times = data.draw(owners), data.draw(st.sampled_from(TIMES))
        for at in chosen:
            id_ = known[at]
            was, analyte, days, level = self.said[id_]
            status = {"retract": "entered-in-error", "correct": "corrected"}.get(what, "final")
            self._result(
                id_,
                owner if what == "give" else was,
                analyte,
                days,
                times if what == "correct" else level,
                status,
                "plain",
            )
        if now:
            self.bring_all()

    def _result(
        self, id_: str, owner: str, analyte: Analyte, days: int, times: str, status: str, flavour: str
    ) -> None:
        # 'mrn' names the patient by identifier; 'future' is dated in three days; 'unit' has a wrong one.
        since = (self.feed.now - NOW).days
        self.said[id_] = (owner, analyte, days, times)
        more: dict[str, Any] = {"mrn": owner.upper()} if flavour == "mrn" else {}
        if flavour == "unit":
            more["unit"] = "mm"
        ago = -3 - since if flavour == "future" else days
        if id_.startswith("r"):
            inner = observation(
                "inner", owner, times, analyte=analyte, days_ago=ago, unit=more.pop("unit", None)
            )
            version = self._version(f"DiagnosticReport/{id_}")
            whole = report(id_, inner, patient=owner, status=status, **version, **more)
            self.pending.append(whole)
            return
        version = self._version(f"Observation/{id_}")
        self.pending.append(
            observation(id_, owner, times, analyte=analyte, days_ago=ago, status=status, **version, **more)
        )

    @rule(
        who=owners,
        into=st.none() | owners,
        replaces=st.none() | st.none() | owners,
        gender=st.sampled_from(["male", "female", None]),
        deceased=st.sampled_from([False] * 7 + [True]),
        mrn=st.sampled_from(["own", "own", "own", "P1", None]),
        now=st.booleans(),
    )
    def person(
        self,
        who: str,
        into: str | None,
        replaces: str | None,
        gender: str | None,
        deceased: bool,
        mrn: str | None,
        now: bool,
    ) -> None:
        self.pending.append(
            patient(
                who,
                gender=gender,
                deceased=deceased,
                replaced_by=into if into != who else None,
                replaces=[replaces] if replaces not in (None, who, into) else [],
                mrn=who.upper() if mrn == "own" else mrn,
                **self._version(f"Patient/{who}"),
            )
        )
        if now:
            self.bring_all()

    @rule(
        data=st.data(),
        kind=st.sampled_from(
            ["measurement", "panel", "examination", "condition", "drug", "liver test", "pregnancy"]
        ),
        owner=owners,
        id_=st.sampled_from(["c1", "c2", "c3"]),
        days=st.sampled_from(CONTEXT_DAYS),
        now=st.booleans(),
    )
    def context(self, data: st.DataObject, kind: str, owner: str, id_: str, days: int, now: bool) -> None:
        """One thing that changes how results are read, or another version of one."""
        getattr(self, f"_{kind.replace(' ', '_')}")(data, id_, owner, days)
        if now:
            self.bring_all()

    def _measurement(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        code, value, unit = data.draw(st.sampled_from(MEASURED))
        status = data.draw(statuses)
        version = self._version(f"Observation/{id_}")
        more: dict[str, Any] = {"days_ago": days, "status": status, **version}
        self.pending.append(measurement(id_, owner, code, value, unit, **more))

    def _panel(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        """A report of iron studies, or a nameless one, with one or two measurements and maybe an ALT."""
        drawn = data.draw(st.lists(st.sampled_from(MEASURED), min_size=1, max_size=2))
        inner = [measurement(f"m{at}", owner, *each, days_ago=days) for at, each in enumerate(drawn)]
        if data.draw(st.booleans()):
            inner.append(observation("alt", owner, "1.5", days_ago=max(days, 0)))
        named = {"code": {"text": data.draw(st.sampled_from(["Iron studies", "Panel"]))}}
        more: dict[str, Any] = {"patient": owner, "status": data.draw(statuses)}
        whole = report(id_, *inner, **more, **self._version(f"DiagnosticReport/{id_}"))
        self.pending.append(whole | named)

    def _examination(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        kind, text = data.draw(st.sampled_from(sorted(EXAMINED_AS))), data.draw(st.sampled_from(EXAMINED))
        status = data.draw(st.sampled_from(EXAMINED_AS[kind]))
        version = self._version(f"{kind}/{id_}")
        whole = examination(kind, id_, owner, text, days_ago=days, status=status, **version)
        if kind == "DiagnosticReport":
            drawn = data.draw(st.lists(st.sampled_from(CONCLUSIONS), max_size=2))
            whole["conclusionCode"] = [{"text": each} for each in drawn]
        self.pending.append(whole)

    def _condition(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        text = data.draw(st.sampled_from(CONDITIONS))
        status = data.draw(st.sampled_from(["active", "active", "resolved"]))
        verification = data.draw(st.sampled_from(["confirmed", "confirmed", "refuted", "entered-in-error"]))
        more: dict[str, Any] = {"days_ago": days, "status": status, "verification": verification}
        self.pending.append(condition(id_, owner, text, **more, **self._version(f"Condition/{id_}")))

    def _drug(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        kind, text = data.draw(st.sampled_from(sorted(TAKEN_AS))), data.draw(st.sampled_from(DRUGS))
        status = data.draw(st.sampled_from(TAKEN_AS[kind]))
        version = self._version(f"{kind}/{id_}")
        self.pending.append(drug(kind, id_, owner, text, days_ago=days, status=status, **version))

    def _liver_test(self, data: st.DataObject, id_: str, owner: str, days: int) -> None:
        analyte, times = data.draw(beside), data.draw(st.sampled_from(["0.2", "0.6", "6"]))
        more: dict[str, Any] = {"analyte": analyte, "days_ago": max(days, 0), "status": data.draw(statuses)}
        self.pending.append(observation(id_, owner, times, **more, **self._version(f"Observation/{id_}")))

    def _pregnancy(self, _data: st.DataObject, id_: str, owner: str, days: int) -> None:
        self.pending.append(pregnancy(id_, owner, days_ago=days, **self._version(f"Condition/{id_}")))

    @precondition(lambda self: self.counts)
    @rule(data=st.data(), in_bundle=st.booleans())
    def delete(self, data: st.DataObject, in_bundle: bool) -> None:
        keys = sorted(self.counts)
        kind, _, id_ = data.draw(st.sampled_from(keys)).partition("/")
        self.feed.now += timedelta(seconds=1)
        self.pending.append((kind, id_, b'{"request":{"method":"DELETE"}}' if in_bundle else b""))

    # The feed.

    def _bring(self, group: Sequence[Resource | tuple[str, str, bytes]], judged: bool) -> None:
        if not group:
            return
        self.feed.now += timedelta(seconds=1)
        incoming = [
            deletion(*each) if isinstance(each, tuple) else decoded(each, self.feed.source) for each in group
        ]
        self.feed.send(*incoming, judged=judged)
        self.received += [Message(each, self.feed.now) for each in incoming]

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), judged=st.sampled_from([True, True, True, False]))
    def bring_some(self, data: st.DataObject, judged: bool) -> None:
        """Some of what is under way, in any order, in one to three transactions; the rest comes later."""
        order = data.draw(st.permutations(range(len(self.pending))))
        count = data.draw(st.integers(1, len(order)))
        taken = [self.pending[at] for at in order[:count]]
        self.pending = [self.pending[at] for at in order[count:]]
        cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=2)))
        for start, end in zip([0, *cuts], [*cuts, count], strict=True):
            self._bring(taken[start:end], judged)

    @precondition(lambda self: self.pending)
    @rule()
    def bring_all(self) -> None:
        taken, self.pending = self.pending, []
        self._bring(taken, judged=True)

    @precondition(lambda self: self.received)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Some of what came before comes again (but not a delete: it would be a new one)."""
        stated = [each.incoming for each in self.received if each.incoming.raw.startswith(b'{"resourceType')]
        if stated:
            drawn = data.draw(st.lists(st.integers(0, len(stated) - 1), min_size=1, max_size=5))
            again = [stated[at] for at in drawn]
            self.feed.now += timedelta(seconds=1)
            self.feed.send(*again)
            self.received += [Message(each, self.feed.now) for each in again]

    # People, processes and time.

    def _live(self) -> list[Alert]:
        return [each for each in self.feed.alerts() if permitted(each.state)]

    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        found = self._live()
        if not found:
            return
        order = sorted(found, key=lambda one: (one.episode.onset, one.family, min(one.episode.evidence)))
        alert = order[data.draw(st.integers(0, len(order) - 1))]
        action = data.draw(st.sampled_from(permitted(alert.state)))
        more: dict[str, Any] = {}
        self.feed.now += timedelta(seconds=1)
        if action is Action.SNOOZE:
            more["until_next_result"] = data.draw(st.booleans())
            if not more["until_next_result"]:
                more["until"] = self.feed.now.date() + timedelta(days=data.draw(st.integers(1, 60)))
        elif action is Action.OVERRIDE:
            more["reason"] = OverrideReason.ALREADY_MANAGED.value
        elif action is Action.ASSIGN:
            more["to"] = data.draw(st.sampled_from(["Bell", "Adams"]))
        elif action is Action.KNOWN_CAUSE:
            more["until"] = self.feed.now.date() + timedelta(days=data.draw(st.integers(1, 200)))
        self.feed.decide(alert, action, **more)

    @rule(days=st.sampled_from([0, 0, 1, 4, 40, 400]))
    def time_passes(self, days: int) -> None:
        self.feed.now += timedelta(days=days, seconds=1)
        self.feed.sweep()

    @rule()
    def restart(self) -> None:
        self.engine.dispose()
        self.feed.restart()

    @rule()
    def write_to_the_ehr(self) -> None:
        """What the courier does, without a network."""
        lease, source = timedelta(minutes=1), self.feed.source.id
        with writing(self.engine) as connection:
            claims = outbox.claim(connection, now=self.feed.now, limit=100, lease=lease, sources=[source])
            for claim in claims:
                letter = read_letter(connection, claim.alert_id, software="", rulebook_digest="")
                if letter.creates or claim.alert_id in self.ehr:
                    wanted = letter.wanted(AUTHOR, PUBLIC_URL, RULEBOOK_VERSION, Known())
                    issue, *requests = wanted.encode(lambda _key: ISSUE)
                    by_step = {names.key_of(each).partition("/")[2]: each for each in requests}
                    advised = self._taken_back(letter.alert, by_step)
                    text = canonical(claim.alert_id, issue, advised)
                    self.ehr[claim.alert_id] = (issue["status"] == "entered-in-error", text)
                assert outbox.settle(connection, claim, letter.alert.revision, "{}")

    def _taken_back(self, alert: Alert, requests: dict[str, Resource]) -> dict[str, Resource]:
        """The requests of what is advised now; all that was proposed before is there too, and revoked."""
        now = {step.name for step in alert.steps}
        assert alert.advised == now
        assert requests.keys() == now | alert.no_longer_advised
        assert self.proposed.get(alert.id, set()) <= requests.keys()
        assert {requests[name]["status"] for name in alert.no_longer_advised} <= {"revoked"}
        active = {name for name, request in requests.items() if request["status"] == "active"}
        self.proposed.setdefault(alert.id, set()).update(active)
        return {name: request for name, request in requests.items() if name in now}

    # The promise.

    @rule()
    def compare(self) -> None:
        self.feed.sweep()
        wanted = expected(self.received, self._dispositions(), rulebook=RULEBOOK, now=self.feed.now)
        assert self.feed.histories() == wanted.histories
        assert self.feed.contexts() == wanted.contexts
        assert self.feed.persons() == wanted.persons
        assert self._episodes() == wanted.episodes
        compare_alerts(self._alerts(wanted), wanted)
        assert sorted((each.key, each.reason) for each in self.feed.held()) == wanted.held
        self._compare_ehr(wanted)

    def teardown(self) -> None:
        if not hasattr(self, "feed"):
            return
        self.bring_all()
        self.compare()
        assert_every_decision_replays_identical(self.engine)

    def _dispositions(self) -> list[Disposition]:
        with reading(self.engine) as connection:
            every = connection.execute(select(disposition.c.id)).scalars()
            return alert_store.dispositions_of(connection, list(every))

    def _episodes(self) -> dict[str, Sequence[Any]]:
        found = assessments(self.engine, self.feed.rules, self.feed.now)
        return {each.rows[0].fhir_id: each.assessment.episodes for each in found if each.assessment.episodes}

    def _alerts(self, wanted: Expected) -> list[Alert]:
        number = {self.feed.patient_number(name): at for at, name in enumerate(wanted.names)}
        return in_order(anonymous(alert, number[alert.subject]) for alert in self.feed.alerts())

    def _compare_ehr(self, wanted: Expected) -> None:
        self.feed.now += self.feed.settle
        self.write_to_the_ehr()
        there = [text for wrong, text in self.ehr.values() if not wrong]
        skip = QUIET if self.feed.backfill_writes == "open" else {State.DORMANT}
        missing = list(wanted.ehr(self.feed.name, skip=skip))
        for text in there:
            if text in missing:
                missing.remove(text)
        assert not missing, "missing in the EHR"
        surplus = list(there)
        for text in wanted.ehr(self.feed.name, past=True):
            if text in surplus:
                surplus.remove(text)
        assert not surplus, "in the EHR without being wanted"


def play(engine: Engine, *, examples: int, steps: int, derandomize: bool, world: type[World] = World) -> None:
    """Play so many worlds on that database."""
    world = type("World", (world,), {"engine": engine})
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=derandomize,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(world, settings=profile, _min_steps=steps // 2)


@pytest.mark.timeout(600)
def test_neither_order_nor_batching_nor_restarts_change_what_is_known_judged_and_wanted(
    engine: Engine,
) -> None:
    play(engine, examples=50, steps=30, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_same_in_many_more_and_longer_worlds(engine: Engine) -> None:
    play(engine, examples=150, steps=60, derandomize=os.environ.get("CI") == "true")
