"""A source that sends resources, small enough to read, and what the database holds of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select

from service.alerts.alert import Action, Alert, State
from service.clinical.analytes import Analyte
from service.clinical.episodes import Family
from service.clinical.results import LabResult, PatientRecord
from service.clinical.rulebook import Rulebook, load_rulebook
from service.fhir.decode import decode_resource, tombstone
from service.fhir.incoming import Incoming
from service.fhir.strict_json import check_json
from service.ingest import Delivery, Receipt, Rules, sweep, take
from service.review import dispose
from service.store import alerts, histories, quarantine, resources, sources
from service.store.people import people
from service.store.quarantine import Held
from service.store.resources import Version
from service.store.schema import patient as patient_table
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source
from service.store.ways import Way

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
RULEBOOK: Rulebook = load_rulebook()
LOINC = {
    Analyte.ALT: "1742-6",
    Analyte.AST: "1920-8",
    Analyte.ALP: "6768-6",
    Analyte.GGT: "2324-2",
    Analyte.TOTAL_BILIRUBIN: "1975-2",
    Analyte.PLATELETS: "777-3",
    Analyte.ALBUMIN: "1751-7",
    Analyte.CREATINE_KINASE: "2157-6",
}
UNIT = {Analyte.TOTAL_BILIRUBIN: "umol/L", Analyte.PLATELETS: "10*9/L", Analyte.ALBUMIN: "g/L"}
UPPER = {
    Analyte.ALT: 40,
    Analyte.AST: 40,
    Analyte.ALP: 120,
    Analyte.GGT: 60,
    Analyte.TOTAL_BILIRUBIN: 20,
    Analyte.PLATELETS: 400,
    Analyte.ALBUMIN: 50,
    Analyte.CREATINE_KINASE: 200,
}
"""The laboratory's own upper limits, sent with every result."""
GONE = frozenset({State.MERGED, State.ENTERED_IN_ERROR})

Resource = dict[str, Any]


def meta(version: int | str | None, updated: datetime | None = None) -> Resource:
    """`meta`; a numbered version is said to be as many seconds old as its number says, unless told."""
    given: Resource = {}
    if version is not None:
        given["versionId"] = str(version)
    if updated is not None:
        given["lastUpdated"] = updated.isoformat()
    return {"meta": given} if given else {}


def observation(
    id_: str,
    patient: str | None = "p1",
    times: float | str = 3,
    *,
    days_ago: int = 10,
    analyte: Analyte = Analyte.ALT,
    version: int | str | None = 1,
    updated: datetime | None = None,
    status: str = "final",
    mrn: str | None = None,
    unit: str | None = None,
) -> Resource:
    """A result of so many times the laboratory's upper limit."""
    unit = unit or UNIT.get(analyte, "U/L")
    subject: Resource = {"reference": f"Patient/{patient}"}
    if mrn is not None:
        subject = {"identifier": {"system": "urn:mrn", "value": mrn}}
    return {
        "resourceType": "Observation",
        "id": id_,
        **meta(version, updated),
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[analyte]}]},
        **({"subject": subject} if patient is not None or mrn is not None else {}),
        "effectiveDateTime": (NOW - timedelta(days=days_ago)).isoformat(),
        "valueQuantity": {
            "value": float(Decimal(str(times)) * UPPER[analyte]),
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
        "referenceRange": [
            {"high": {"value": UPPER[analyte], "system": "http://unitsofmeasure.org", "code": unit}}
        ],
    }


def report(
    id_: str,
    *members: Resource,
    patient: str | None = "p1",
    version: int | str | None = 1,
    updated: datetime | None = None,
    status: str = "final",
    mrn: str | None = None,
) -> Resource:
    """A report that contains these Observations, which say nothing of their patient themselves."""
    outer = observation(id_, patient, version=version, updated=updated, status=status, mrn=mrn)
    return {
        "resourceType": "DiagnosticReport",
        **{name: outer[name] for name in ("id", "meta", "status", "subject") if name in outer},
        "code": {"coding": [{"system": "http://loinc.org", "code": "24325-3"}]},
        "contained": [
            {name: value for name, value in each.items() if name not in ("meta", "subject")}
            for each in members
        ],
        "result": [{"reference": f"#{each['id']}"} for each in members],
    }


def patient(
    id_: str,
    *,
    version: int | str | None = 1,
    updated: datetime | None = None,
    gender: str | None = "male",
    born: str | None = "1970-05-01",
    replaced_by: str | None = None,
    replaces: Iterable[str] = (),
    mrn: str | None = None,
    deceased: bool = False,
) -> Resource:
    """A Patient; its links say which record survives a merge."""
    links = [{"other": {"reference": f"Patient/{each}"}, "type": "replaces"} for each in replaces]
    if replaced_by is not None:
        links.append({"other": {"reference": f"Patient/{replaced_by}"}, "type": "replaced-by"})
    return {
        "resourceType": "Patient",
        "id": id_,
        **meta(version, updated),
        **({"gender": gender} if gender else {}),
        **({"birthDate": born} if born else {}),
        **({"link": links} if links else {}),
        **({"identifier": [{"system": "urn:mrn", "value": mrn}]} if mrn else {}),
        **({"deceasedBoolean": True} if deceased else {}),
    }


def pregnancy(
    id_: str,
    patient_id: str,
    *,
    days_ago: int = 60,
    version: int | str | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """A Condition that says the patient is pregnant, since then."""
    return {
        "resourceType": "Condition",
        "id": id_,
        **meta(version, updated),
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "onsetDateTime": (NOW - timedelta(days=days_ago)).date().isoformat(),
    }


def statin(
    id_: str,
    patient_id: str,
    *,
    days_ago: int = 300,
    status: str = "active",
    version: int | str | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """An order of a drug that may injure the liver."""
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        **meta(version, updated),
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": {"text": "Simvastatin 20 mg"},
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": (NOW - timedelta(days=days_ago)).date().isoformat(),
    }


def decoded(given: Resource | Incoming, source: Source) -> Incoming:
    """Through the same door as the feed."""
    if isinstance(given, Incoming):
        return given
    raw = check_json(json.dumps(given).encode())
    return decode_resource(raw, source=source.name, zone=source.zone, rulebook=RULEBOOK)


def deletion(kind: str, id_: str, raw: bytes = b"") -> Incoming:
    """What `DELETE /{kind}/{id_}` says."""
    return tombstone(kind, id_, raw)


PERSISTENT = (300, 200, 100, 10)
"""Days ago on which a raised ALT makes a persistent elevation."""


def persistent(patient_id: str = "p1", prefix: str = "o", times: float = 3, **changes: Any) -> list[Resource]:
    """Raised ALT for more than six months: an alert."""
    return [
        observation(f"{prefix}{number}", patient_id, times, days_ago=days, **changes)
        for number, days in enumerate(PERSISTENT, 1)
    ]


@dataclass
class Feed:
    """One source that sends to one database; `now` is the moment of receipt and of judgement."""

    engine: Engine
    settings: SourceSettings = field(default_factory=SourceSettings)
    settle: timedelta = timedelta(0)
    backfill_writes: Any = "open"
    now: datetime = NOW
    name: str = "clinic"
    source: Source = field(init=False)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        with writing(self.engine) as connection:
            found = sources.find(connection, self.name)
            self.source = found or sources.add(connection, self.name, self.settings, "secret", self.now)
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not in the database."""
        self.rules = Rules(RULEBOOK, settle=self.settle, backfill_writes=self.backfill_writes)

    def delivery(
        self, *given: Resource | Incoming, received: datetime | None = None, way: Way = "feed"
    ) -> Delivery:
        return Delivery(
            self.source, [decoded(each, self.source) for each in given], received or self.now, way
        )

    def send(
        self,
        *given: Resource | Incoming,
        received: datetime | None = None,
        judged: bool = True,
        way: Way = "feed",
    ) -> Receipt:
        """All of it in one request, hence one transaction."""
        delivery = self.delivery(*given, received=received, way=way)
        return take(self.engine, [delivery], self.rules, self.now, judged=judged)

    def send_each(self, *given: Resource | Incoming) -> None:
        """Each in a transaction of its own, a second apart."""
        for each in given:
            self.now += timedelta(seconds=1)
            self.send(each)

    def delete(self, kind: str, id_: str, *, received: datetime | None = None) -> Receipt:
        return self.send(deletion(kind, id_), received=received)

    def sweep(self) -> None:
        sweep(self.engine, self.rules, self.now)

    def decide(self, alert: Alert, action: Action, by: str = "nurse", **more: Any) -> Alert:
        return dispose(self.engine, alert.id, action, by=by, rules=self.rules, now=self.now, **more)

    def patient_number(self, fhir_id: str) -> int:
        query = select(patient_table.c.id).where(
            patient_table.c.fhir_id == fhir_id, patient_table.c.source_id == self.source.id
        )
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def records(self) -> dict[str, PatientRecord]:
        """What is stored of each Patient by itself."""
        with reading(self.engine) as connection:
            rows = [
                row
                for group in people(connection, after=0, limit=10_000, source_id=self.source.id).values()
                for row in group
            ]
            found = histories.records(
                connection, {row.id: [row] for row in rows}, {self.source.id: self.source.name}
            )
        return {row.fhir_id: found[row.id] for row in rows}

    def histories(self) -> dict[str, set[LabResult]]:
        """Every stored result, by the Patient it is stored under; nobody without any."""
        return {name: set(each.results) for name, each in self.records().items() if each.results}

    def contexts(self) -> dict[str, set[tuple[str, object]]]:
        """All stored context with the resource it is from, by the Patient it is stored under."""
        contexts = {name: context_of(record) for name, record in self.records().items()}
        return {name: context for name, context in contexts.items() if context}

    def results(self, patient_id: str = "p1") -> dict[str, object]:
        """Values of a Patient's results by the Observation's id."""
        return {each.key.observation_id: each.value for each in self.histories().get(patient_id, ())}

    def persons(self) -> dict[str, str]:
        """Under which Patient's record each Patient is judged."""
        with reading(self.engine) as connection:
            groups = people(connection, after=0, limit=10_000, source_id=self.source.id).values()
        return {row.fhir_id: group[0].fhir_id for group in groups for row in group}

    def alerts(self, *, gone: bool = False) -> list[Alert]:
        """Alerts that live (or all), oldest first."""
        query = alerts.select_content()
        with reading(self.engine) as connection:
            found = [alerts.decode(str(text)) for text in connection.execute(query).scalars()]
        found.sort(key=lambda each: (each.created, each.id))
        return [each for each in found if gone or each.state not in GONE]

    def alert(self) -> Alert:
        """The one that lives."""
        (only,) = self.alerts()
        return only

    def elevations(self) -> list[Alert]:
        """Those that live and are about elevated results, not about rechecks that did not come."""
        return [each for each in self.alerts() if each.family is not Family.FOLLOW_UP]

    def elevation(self) -> Alert:
        """The one of those."""
        (only,) = self.elevations()
        return only

    def held(self) -> list[Held]:
        """What is in quarantine now."""
        with reading(self.engine) as connection:
            return quarantine.listed(connection)

    def reasons(self) -> list[str]:
        return sorted(each.reason for each in self.held())

    def current(self, key: str) -> Version | None:
        with reading(self.engine) as connection:
            return resources.current(connection, self.source.id, [key]).get(key)

    def ways(self, key: str) -> dict[str | None, Way]:
        """By which way each version of a resource came, by its versionId; all of its rows agree."""
        with reading(self.engine) as connection:
            stored = list(resources.current(connection, self.source.id, [key]).values())
            stored += resources.older(connection, self.source.id, [key]).get(key, [])
        found = {each.version_id: each.way for each in stored}
        assert all(found[each.version_id] == each.way for each in stored)
        return found


def context_of(record: PatientRecord) -> set[tuple[str, object]]:
    """Everything in a record besides results, each with the resource it is from."""
    said: set[tuple[str, object]] = {(each.key.resource, each) for each in record.measurements}
    said |= {(each.reference, each) for each in record.conditions}
    said |= {(each.reference, each) for each in record.medications}
    return said | {(each.reference, each) for each in record.done}


def alert_of(found: Sequence[Alert], number: int) -> Alert:
    """The alert of one patient."""
    (only,) = [each for each in found if each.subject == number]
    return only


def day(days_ago: int) -> date:
    """The calendar day that many days ago."""
    return (NOW - timedelta(days=days_ago)).date()


def dated(values: Mapping[str, float], patient_id: str = "p1") -> list[Resource]:
    """Observations `o<days ago>` of so many times the upper limit, by days ago."""
    return [observation(f"o{days}", patient_id, times, days_ago=int(days)) for days, times in values.items()]
