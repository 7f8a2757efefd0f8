"""One delivery: an alert's resources first, then where they came from. It commits nothing itself."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Engine

from service.clinical.rulebook import Rulebook
from service.clinical.rulebook_texts import SiteTexts
from service.deliver.letters import Letter, read_letter
from service.fhir import names
from service.fhir.authorship import ensure_author, record_origin
from service.fhir.changes import Known, unsure
from service.fhir.client import FhirClient
from service.fhir.encode_origin import encode_device, encode_provenance
from service.fhir.remote import RemoteRefused
from service.fhir.write_back import Written, search_ours, write_back
from service.settings import Settings, code_version
from service.store.outbox import Claim
from service.store.session import reading


class Learnt(msgspec.Struct, frozen=True):
    """What the outbox keeps of a server: worth nothing on another one."""

    server: str = ""
    known: Known = Known()
    author: str | None = None
    """Reference to our Device there."""


def kept(remote: str | None, server: str) -> Learnt:
    """What the outbox has kept of a server, from its JSON; nothing where it is of another one."""
    try:
        learnt = msgspec.json.decode(remote or "{}", type=Learnt)
    except msgspec.DecodeError:
        return Learnt(server)
    return learnt if learnt.server == server else Learnt(server)


@dataclass(frozen=True, slots=True)
class Terms:
    """How this service writes."""

    public_url: str
    """Where the rule pages are."""
    software: str
    """Version of this service."""
    rulebook_digest: str
    rulebook_version: str
    texts: SiteTexts = field(default_factory=dict)
    """Paragraphs of advice that the site says otherwise."""
    lease: timedelta = timedelta(minutes=5)
    batch: int = 20
    """Rows of a source claimed at once."""
    timeout_seconds: float = 30.0
    """For each step of a request; a whole request may take twice that."""
    poll_seconds: float = 1.0
    senders: int = 32
    """Sources that are written to at the same time."""

    @classmethod
    def of(cls, settings: Settings, rulebook: Rulebook) -> "Terms":
        """The terms that settings ask for."""
        return cls(settings.public_url, code_version(), rulebook.digest, rulebook.version, rulebook.texts)


class Delivery:
    """The sending of one claimed row."""

    def __init__(self, engine: Engine, terms: Terms, claim: Claim, server: str, deadline: float) -> None:
        """Prepare it.

        Args:
            engine: where the alert is read.
            terms: how to write.
            claim: the row.
            server: base URL of the server written to.
            deadline: `time.monotonic()` after which no write may begin.
        """
        self._engine = engine
        self._terms = terms
        self._claim = claim
        self._server = server
        self._deadline = deadline
        self.learnt: str | None = None
        """For the outbox; None until a write begins, from when on what was known may not hold any more."""
        self.wrote = False
        self.letter: Letter | None = None

    def send(self, client: FhirClient, authors: dict[str, str], now: datetime) -> None:
        """Make the server hold the alert as it stands now, with the Provenance of that revision.

        Args:
            client: of that server.
            authors: base URL → our Device there; filled in here.
            now: what the Provenance is dated with (aware).

        Raises:
            RemoteError: it did not work; `learnt` tells what was written nevertheless.
            InvalidOutgoing: what we made is not valid.
            NotFound: the alert is gone.
        """
        letter = self.letter = self._read()
        past = kept(self._claim.remote, self._server)
        before = unsure(past.known) if self._claim.unsettled else past.known
        if not letter.creates and not self._may_be_there(client, before):
            self.learnt = self._as_learnt(Known(), None)
            return
        self.learnt = self._as_learnt(unsure(before), past.author)
        known_author = self._server in authors
        try:
            written = self._write(client, letter, before, authors)
        except RemoteRefused:
            if not known_author:
                raise
            del authors[self._server]  # perhaps our Device is gone
            written = self._write(client, letter, before, authors)
        self.wrote = written.wrote
        self.learnt = self._as_learnt(written.known, authors[self._server])
        if written.targets:
            to = letter.addresses(written.targets[0], authors[self._server], self._terms.public_url)
            provenance = encode_provenance(letter.alert, to, written.targets, letter.origin, now)
            self.wrote |= record_origin(client, provenance, self._still_ours)

    def _write(self, client: FhirClient, letter: Letter, known: Known, authors: dict[str, str]) -> Written:
        if self._server not in authors:
            authors[self._server] = ensure_author(client, encode_device())
        terms = self._terms
        wanted = letter.wanted(
            authors[self._server], terms.public_url, terms.rulebook_version, known, texts=terms.texts
        )
        first = not self._claim.claimed_before
        return write_back(client, wanted, known, first=first, still_ours=self._still_ours)

    def _may_be_there(self, client: FhirClient, known: Known) -> bool:
        """Whether the server may hold the alert, of which nothing is to be made there."""
        if known.issue is not None or not self._claim.claimed_before:
            return known.issue is not None
        return bool(search_ours(client, "DetectedIssue", names.ALERT, str(self._claim.alert_id)))

    def _read(self) -> Letter:
        with reading(self._engine) as connection:
            return read_letter(
                connection,
                self._claim.alert_id,
                software=self._terms.software,
                rulebook_digest=self._terms.rulebook_digest,
            )

    def _as_learnt(self, known: Known, author: str | None) -> str:
        return msgspec.json.encode(Learnt(self._server, known, author)).decode()

    def _still_ours(self) -> bool:
        return time.monotonic() < self._deadline
