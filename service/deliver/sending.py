"""One delivery: an alert's resources first, then where they came from. It commits nothing itself."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Engine

from service.clinical.rulebook import Rulebook
from service.clinical.rulebook_texts import SiteTexts
from service.deliver.letters import Letter, read_letter
from service.deliver.servers import Server
from service.fhir import names
from service.fhir.authorship import ensure_author, record_origin
from service.fhir.capabilities import Release
from service.fhir.changes import Known, unsure
from service.fhir.client import FhirClient
from service.fhir.encode_origin import encode_device, encode_provenance
from service.fhir.in_r5 import spoken
from service.fhir.manner import USUAL
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
    release: Release = "R4"
    left_out: dict[str, str] = {}
    """Resource type → why it is not there."""


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
        self.manner = USUAL
        """How the server is written to, with what it has refused."""

    def send(self, client: FhirClient, server: Server, now: datetime) -> None:
        """Make the server hold the alert as it stands now, with the Provenance of that revision.

        Args:
            client: of that server.
            server: what this process knows of it; added to here.
            now: what the Provenance is dated with (aware).

        Raises:
            RemoteError: it did not work; `learnt` tells what was written nevertheless.
            InvalidOutgoing: what we made is not valid.
            NotFound: the alert is gone.
        """
        letter = self.letter = self._read()
        client.release = server.manner.release
        self.manner = server.manner
        past = kept(self._claim.remote, self._server)
        before = unsure(past.known) if self._claim.unsettled else past.known
        if not letter.creates and not self._may_be_there(client, before):
            self.learnt = self._as_learnt(Known(), None)
            return
        self.learnt = self._as_learnt(unsure(before), past.author)
        known_author = server.author is not None
        try:
            written = self._write(client, letter, before, server)
        except RemoteRefused:
            if not known_author:
                raise
            server.author = None  # perhaps our Device is gone
            written = self._write(client, letter, before, server)
        else:
            if known_author and written.manner.left_out.keys() != self.manner.left_out.keys():
                written = self._again_where_the_author_has_changed(client, letter, written, server)
        self.wrote, self.manner = written.wrote, written.manner
        if written.known.held:
            self._record_origin(client, letter, written, server.author, now)
        self.learnt = self._as_learnt(written.known, server.author)

    def _write(self, client: FhirClient, letter: Letter, known: Known, server: Server) -> Written:
        self._find_author(client, server)
        terms = self._terms
        wanted = letter.wanted(
            server.author,
            terms.public_url,
            terms.rulebook_version,
            known,
            self.manner,
            texts=terms.texts,
        )
        first = not self._claim.claimed_before
        return write_back(client, wanted, known, first=first, still_ours=self._still_ours)

    def _again_where_the_author_has_changed(
        self, client: FhirClient, letter: Letter, written: Written, server: Server
    ) -> Written:
        """What was refused may have been so because it named a Device that is gone, and not for its type."""
        former, server.author = server.author, None
        self._find_author(client, server)
        if server.author == former:
            return written
        again = self._write(client, letter, written.known, server)
        return replace(again, wrote=again.wrote or written.wrote)

    def _find_author(self, client: FhirClient, server: Server) -> None:
        """Our Device there; none where the server takes none."""
        if server.author is not None or "Device" in self.manner.left_out:
            return
        try:
            server.author = ensure_author(client, spoken(encode_device(), self.manner.release))
        except RemoteRefused as refused:
            if not self._leave_out("Device", refused):
                raise
            server.manner = self.manner

    def _record_origin(
        self, client: FhirClient, letter: Letter, written: Written, author: str | None, now: datetime
    ) -> None:
        if "Provenance" in self.manner.left_out:
            return
        self.learnt = self._as_learnt(written.known, author)
        to = letter.addresses(written.targets[0], author, self._terms.public_url)
        provenance = encode_provenance(letter.alert, to, written.targets, letter.origin, now)
        try:
            self.wrote |= record_origin(client, spoken(provenance, self.manner.release), self._still_ours)
        except RemoteRefused as refused:
            if not self._leave_out("Provenance", refused):
                raise

    def _leave_out(self, kind: str, refused: RemoteRefused) -> bool:
        """Whether the rest is written without a type that the server refuses."""
        if self.manner.in_transactions or not refused.whole_type:
            return False
        self.manner = self.manner.without(kind, refused.message)
        return True

    def _may_be_there(self, client: FhirClient, known: Known) -> bool:
        """Whether the server may hold the alert, of which nothing is to be made there."""
        if known.held or not self._claim.claimed_before:
            return bool(known.held)
        if "DetectedIssue" in self.manner.left_out:
            return True
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
        release, left_out = self.manner.release, dict(self.manner.left_out)
        return msgspec.json.encode(Learnt(self._server, known, author, release, left_out)).decode()

    def _still_ours(self) -> bool:
        return time.monotonic() < self._deadline
