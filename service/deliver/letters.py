"""What one delivery carries: an alert as it stands now, and everything it takes to say it in FHIR."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, select

from service.alerts.alert import Alert, Disposition, State
from service.clinical.rulebook_texts import NO_TEXTS, SiteTexts
from service.fhir import names
from service.fhir.changes import Known, Refer, Wanted
from service.fhir.encode import Addresses, Resource, encode_issue, is_erroneous, referred
from service.fhir.encode_origin import Origin
from service.fhir.encode_requests import encode_requests
from service.fhir.encode_tasks import encode_tasks
from service.fhir.in_r5 import in_r5
from service.fhir.manner import USUAL, Manner
from service.languages import words_in
from service.store import alerts, decisions, resources, sources
from service.store.schema import patient
from service.store.sources import Source

_LIVE = "live"
_MITIGATED = frozenset({State.MONITORING, State.ESCALATED, State.REFERRED, State.OVERRIDDEN})
"""Where somebody has decided what becomes of it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An alert and its surroundings, read in one transaction."""

    alert: Alert
    source: Source
    patient_fhir_id: str = field(repr=False)
    dispositions: tuple[Disposition, ...]
    gone: frozenset[str]
    """What it rests on and the source has retracted or deleted, as `Addresses.gone` has it."""
    origin: Origin

    @property
    def creates(self) -> bool:
        """Whether the EHR should get it if it has none: not what vanished, nor what is lost to follow-up."""
        return not is_erroneous(self.alert) and self.alert.state is not State.DORMANT

    def addresses(
        self,
        issue: str,
        author: str | None,
        public_url: str,
        rulebook_version: str | None = None,
        texts: SiteTexts = NO_TEXTS,
    ) -> Addresses:
        """How its resources refer to their surroundings on the source's own server."""
        return Addresses(
            patient=f"Patient/{self.patient_fhir_id}",
            issue=issue,
            author=author,
            source=self.source.name,
            public_url=public_url,
            gone=self.gone,
            rulebook_version=rulebook_version,
            texts=texts,
        )

    def wanted(
        self,
        author: str | None,
        public_url: str,
        rulebook_version: str,
        known: Known,
        manner: Manner = USUAL,
        *,
        texts: SiteTexts = NO_TEXTS,
    ) -> Wanted:
        """What the server should hold of it.

        Tasks are written where the source wants them. Where it does not, those are cancelled that it has from
        a time when it did, and no other is even looked for.
        """
        alert = self.alert
        words, tasks = words_in(self.source.settings.language), self.source.settings.tasks
        with_tasks = tasks or known.holds_any("Task")

        def encode(refer: Refer) -> list[Resource]:
            to = self.addresses(refer(names.ISSUE), author, public_url, rulebook_version, texts)
            requests = encode_requests(alert, to, words)
            made = [encode_issue(alert, to, self.dispositions), *requests.values()]
            if with_tasks:
                made += encode_tasks(alert, requests, to, refer, wanted=tasks).values()
            return made if manner.release != "R5" else [in_r5(each, mitigated=mitigated) for each in made]

        mitigated = alert.state in _MITIGATED
        return Wanted(alert.id, encode, self.creates, manner)


def read_letter(connection: Connection, alert_id: UUID, *, software: str, rulebook_digest: str) -> Letter:
    """The alert as it stands now.

    Args:
        connection: an open transaction.
        alert_id: of the alert.
        software: version of this service, where no decision about the patient is on record.
        rulebook_digest: the rulebook's, likewise.

    Raises:
        NotFound: there is no such alert.
    """
    alert = alerts.get(connection, alert_id)
    row = connection.execute(
        select(patient.c.source_id, patient.c.fhir_id).where(patient.c.id == alert.subject)
    ).one()
    source = sources.by_id(connection, row.source_id)
    keys = referred(alert, source.name)
    versions = resources.current(connection, source.id, keys)
    decided = decisions.latest_of(connection, [alert.subject])
    decided_by, rulebook = decided.get(alert.subject, (software, rulebook_digest))
    return Letter(
        alert=alert,
        source=source,
        patient_fhir_id=row.fhir_id,
        dispositions=tuple(alerts.dispositions_of(connection, alert.dispositions)),
        gone=frozenset(keys[key] for key, version in versions.items() if version.state != _LIVE),
        origin=Origin(
            software=decided_by,
            rulebook=rulebook,
            versions={
                keys[key]: version.version_id for key, version in versions.items() if version.version_id
            },
        ),
    )
