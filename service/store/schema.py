"""The tables. One description for SQLite and PostgreSQL; `migrations/` builds what stands here.

Instants are stored in UTC; a result's own calendar day is stored beside its instant, because a UTC
instant alone cannot say which day the laboratory meant. Laboratory values are decimal text: exact on both
databases.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)

from service.alerts.alert import Action, RemarkKind, State
from service.alerts.comparing import Outcome
from service.alerts.states import OVER
from service.clinical.episodes import Family
from service.store.ways import WAYS


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC. SQLite has no such type and would drop the offset: ISO text there.

    Raises:
        ValueError: a datetime without a zone was given.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text on SQLite, `timestamptz` on PostgreSQL."""
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To UTC; always with microseconds on SQLite so that text order is time order."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.isoformat(timespec="microseconds") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Back to an aware datetime in UTC."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_big = BigInteger().with_variant(Integer, "sqlite")


def _one_of(column: str, names: Any) -> CheckConstraint:
    listed = ", ".join(f"'{name.value}'" for name in names)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _a_way() -> CheckConstraint:
    listed = ", ".join(f"'{way}'" for way in WAYS)
    return CheckConstraint(f"way IN ({listed})", name="way")


source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("settings", Text, nullable=False, comment="JSON: how to read it, where to write back; no secrets"),
    Column("secrets", Text, nullable=False, comment="JSON: SHA-256 of each accepted feed secret"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("created", Instant, nullable=False),
)

stored_text = Table(
    "stored_text",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("created", Instant, nullable=False),
    comment="rulebooks and source settings, by SHA-256, for replay",
)

raw_message = Table(
    "raw_message",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary, nullable=False, comment="the resource's own bytes, zstandard-compressed"),
    comment="verbatim resources, content-addressed by SHA-256",
)

patient = Table(
    "patient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("fhir_id", String(128), nullable=False),
    Column("public_id", Uuid, nullable=False, unique=True, comment="opaque: the only id used in URLs"),
    Column("revision", Integer, nullable=False, comment="counts the transactions that changed the record"),
    Column("judged_revision", Integer, nullable=False, comment="the revision last judged; behind: unjudged"),
    Column(
        "read_digest", String(64), nullable=False, comment="rulebook and settings all of it was read under"
    ),
    Column("survivor_id", ForeignKey("patient.id"), nullable=True, comment="merged into this record"),
    Column("sex", String(8), nullable=True),
    Column("birth_date", Date, nullable=True),
    Column("deceased", Boolean, nullable=False, server_default=text("false")),
    Column("review_on", Date, nullable=True, comment="judge again from this day on, even if nothing arrives"),
    Column("past_due", Instant, nullable=True, comment="when to ask the EHR for the past; null: asked"),
    Column("ethnicity", String(64), nullable=True, comment="in the record's own words; for measures alone"),
    Column("language", String(64), nullable=True, comment="BCP 47, or words; for measures alone"),
    Column(
        "course",
        Text,
        nullable=True,
        comment="JSON: what measures count of the last judgement: elevations, rechecks",
    ),
    Column(
        "peaks", Text, nullable=True, comment="JSON: how high tests came, by month; null: none was elevated"
    ),
    UniqueConstraint("source_id", "fhir_id"),
    Index(
        "ix_patient_with_peaks",
        "source_id",
        postgresql_where=text("peaks IS NOT NULL"),
        sqlite_where=text("peaks IS NOT NULL"),
    ),
    Index(
        None,
        "source_id",
        "past_due",
        postgresql_where=text("past_due IS NOT NULL"),
        sqlite_where=text("past_due IS NOT NULL"),
    ),
    Index(None, "survivor_id"),
    Index(None, "review_on"),
    Index(
        "ix_patient_unjudged",
        "id",
        postgresql_where=text("revision <> judged_revision"),
        sqlite_where=text("revision <> judged_revision"),
    ),
    # The audit log goes on naming an erased record by its number: nobody else may ever get it.
    sqlite_autoincrement=True,
)

patient_link = Table(
    "patient_link",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("said_by", String(128), primary_key=True, comment="the Patient that carries the link"),
    Column("replaced", String(128), primary_key=True),
    Column("survivor", String(128), primary_key=True),
    Index(None, "source_id", "replaced"),
    Index(None, "source_id", "survivor"),
    comment="merges, as the current versions of Patients state them; ids are those of the source",
)

patient_identifier = Table(
    "patient_identifier",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("identifier", String(520), primary_key=True, comment="system|value"),
    Column("patient_id", ForeignKey("patient.id"), primary_key=True, index=True),
    comment="identifiers, as the current versions of Patients state them",
)

patient_name = Table(
    "patient_name",
    metadata,
    Column("patient_id", ForeignKey("patient.id"), primary_key=True),
    Column("shown", Text, nullable=False, comment="as a person reads it: Chalmers, Peter James"),
    Column("searched", Text, nullable=False, comment="every word of every name, folded, each after a blank"),
    Column("born", String(10), nullable=False, comment="as stated: a day, a month, a year; empty: unknown"),
    comment="what people are called, as the current versions of Patients state it",
)

_version_columns: tuple[tuple[str, Any, bool], ...] = (
    ("patient_id", Integer, True),
    ("version_id", String(128), True),
    ("last_updated", Instant, True),
    ("received", Instant, False),
    ("digest", LargeBinary(32), True),
    ("state", String(10), False),
    ("since_revision", Integer, False),
    ("way", String(8), False),
    ("named_by", String(520), True),
    ("read_as", String(9), True),
)
"""What a version of a resource carries, current or superseded; `since_revision` counts in its patient's.

`way` says by which way it came (`ways.Way`); `read_as`, what was made of it beyond what it says
(`resources.ReadAs`).
"""

_LIVE = "state = 'live'"
_DELETED = "state = 'deleted'"
_FOUND = "way = 'catch-up'"
_FED_OR_FOUND = "way IN ('feed', 'catch-up')"
_SAYS_WHEN = "last_updated IS NOT NULL"

resource = Table(
    "resource",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("key", String(192), primary_key=True, comment="Type/id"),
    *(Column(name, kind, nullable=nullable) for name, kind, nullable in _version_columns),
    CheckConstraint("state IN ('live', 'deleted')", name="state"),
    CheckConstraint("read_as IN ('future', 'unordered')", name="read_as"),
    _a_way(),
    Index(None, "patient_id"),
    # Of what is live alone, or PostgreSQL would find a key by it in a table that it has not counted yet: by
    # reading everything its source ever sent.
    Index(None, "source_id", "received", postgresql_where=text(_LIVE), sqlite_where=text(_LIVE)),
    Index("ix_resource_deleted", "digest", postgresql_where=text(_DELETED), sqlite_where=text(_DELETED)),
    Index(
        "ix_resource_found", "source_id", "received", postgresql_where=text(_FOUND), sqlite_where=text(_FOUND)
    ),
    Index(
        None,
        "source_id",
        "named_by",
        postgresql_where=text("named_by IS NOT NULL"),
        sqlite_where=text("named_by IS NOT NULL"),
    ),
    comment="the current version of every resource kept",
)

is_live = text(f"resource.{_LIVE}")
"""Of a resource: it is not known to be gone. In the words of its index, which a parameter would not match."""

is_found_by_asking = text(f"resource.{_FOUND}")
"""Of a resource: asking found its current version, and no feed brought it. In the words of its index."""

is_fed_or_found = text(f"superseded.{_FED_OR_FOUND} AND superseded.{_SAYS_WHEN}")
"""Of a superseded version: it says when its EHR stored it, and its feed brought it or asking found it. In the
words of its index."""

is_deleted = text(_DELETED)
"""Of a version, where one table of versions is asked: it says that the resource is gone."""

superseded = Table(
    "superseded",
    metadata,
    Column("id", _big, primary_key=True),
    Column("source_id", Integer, nullable=False),
    Column("key", String(192), nullable=False),
    *(Column(name, kind, nullable=nullable) for name, kind, nullable in _version_columns),
    Column("until_revision", Integer, nullable=False),
    CheckConstraint("state IN ('live', 'deleted')", name="state"),
    CheckConstraint("read_as IN ('future', 'unordered')", name="read_as"),
    _a_way(),
    Index(None, "source_id", "key"),
    Index(None, "patient_id"),
    Index("ix_superseded_deleted", "digest", postgresql_where=text(_DELETED), sqlite_where=text(_DELETED)),
    Index(
        "ix_superseded_fed_or_found",
        *("source_id", "received"),
        postgresql_where=text(f"{_FED_OR_FOUND} AND {_SAYS_WHEN}"),
        sqlite_where=text(f"{_FED_OR_FOUND} AND {_SAYS_WHEN}"),
    ),
    comment="older versions; since = until for one that was never current",
)

lab_result = Table(
    "lab_result",
    metadata,
    Column("patient_id", Integer, primary_key=True),
    Column("observation_id", String(192), primary_key=True, comment="of a contained result: Type/id"),
    Column("sub_key", String(192), primary_key=True),
    Column("analyte", String(8), nullable=False),
    Column("effective", Instant, nullable=False),
    Column("day", Date, nullable=False, comment="the day stated by the result's own offset"),
    Column("value", String(40), nullable=False, comment="exact decimal in the analyte's canonical unit"),
    Column("comparator", String(2), nullable=False),
    Column("ranges", Text, nullable=True, comment="JSON"),
    Column("preliminary", Boolean, nullable=False),
    Column("flags", String(64), nullable=False),
    comment="the usable results of current versions: what a judgement reads",
    sqlite_with_rowid=False,
)

clinical_context = Table(
    "clinical_context",
    metadata,
    Column("patient_id", Integer, primary_key=True),
    Column("key", String(192), primary_key=True),
    Column("content", Text, nullable=False, comment="JSON: a condition or a medication"),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _big, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("key", String(192), nullable=True),
    Column("patient_id", Integer, nullable=True),
    Column("reason", String(40), nullable=False),
    Column("place", String(200), nullable=True),
    Column("detail", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=True),
    Column("received", Instant, nullable=False),
    Column("way", String(8), nullable=True, comment="by which it came; null: it is about a whole record"),
    Column("retry_at", Instant, nullable=True, comment="a future result is tried again then"),
    Column("resolved", Instant, nullable=True),
    Column("resolution", String(40), nullable=True),
    Index(None, "source_id", "key"),
    Index(None, "patient_id"),
    Index(None, "resolved", "retry_at"),
    _a_way(),
    sqlite_autoincrement=True,  # a number can stand in a ticket: no other item ever gets it
)

ignored = Table(
    "ignored",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", ForeignKey("patient.id"), nullable=False, index=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("family", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tier", Integer, nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("place", String(24), nullable=True, comment="in the worklist: sorts as people work; null: over"),
    Column("owner", Text, nullable=True),
    Column("cause", String(24), nullable=True, comment="the candidate that most in the record speaks for"),
    Column("content", Text, nullable=False, comment="JSON: the whole alert"),
    Column(
        "waiting_from",
        Instant,
        nullable=True,
        comment="untaken, with somebody left to tell: time runs from then",
    ),
    Column("overdue", Boolean, nullable=False, server_default=text("false"), comment="untaken for too long"),
    Column("wakes", Date, nullable=True),
    Column("held", Uuid, nullable=True, comment="the disposition that put it to sleep"),
    Column("last_result", Date, nullable=False),
    _one_of("family", Family),
    _one_of("state", State),
    Index(None, "state", "tier"),
    Index(None, "updated"),
    Index(
        "ix_alert_worklist",
        *("place", "id", "source_id", "state", "tier", "family", "owner", "cause", "patient_id"),
        postgresql_where=text("place IS NOT NULL"),
        sqlite_where=text("place IS NOT NULL"),
    ),
    Index(
        None,
        "source_id",
        "waiting_from",
        postgresql_where=text("waiting_from IS NOT NULL"),
        sqlite_where=text("waiting_from IS NOT NULL"),
    ),
)

to_act_on = alert.c.state.not_in([state.value for state in OVER])
"""Of an alert: somebody has to act on it."""

alert_event = Table(
    "alert_event",
    metadata,
    Column("id", _big, primary_key=True),
    Column("alert_id", ForeignKey("alert.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("detail", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    comment="what happened to an alert; the decision behind it is the patient's of the same instant",
)

disposition = Table(
    "disposition",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", ForeignKey("patient.id"), nullable=False, index=True),
    Column("alert_id", ForeignKey("alert.id"), nullable=False, index=True),
    Column("action", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("content", Text, nullable=False, comment="JSON: the whole disposition"),
    _one_of("action", Action),
)

disposition_evidence = Table(
    "disposition_evidence",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("observation_id", String(192), primary_key=True, comment="of a contained result: Type/id"),
    Column("disposition_id", ForeignKey("disposition.id"), primary_key=True, index=True),
    comment="decisions stay with the results they were made on, whoever those turn out to belong to",
)

remark = Table(
    "remark",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alert_id", ForeignKey("alert.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("by", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    _one_of("kind", RemarkKind),
    comment="what people say of an alert beside what they decide about it",
)

ON_MERGED = "inputs LIKE '%],[%'"
"""Of a decision: it was made on more than one record, merged at the time."""

decision = Table(
    "decision",
    metadata,
    Column("id", _big, primary_key=True),
    Column("patient_id", ForeignKey("patient.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column(
        "inputs",
        Text,
        nullable=False,
        comment="JSON: [[patient id, revision], ...]: all versions current then",
    ),
    Column("dispositions", Text, nullable=False, comment="JSON: ids of the dispositions known"),
    Column("rulebook_digest", String(64), nullable=False),
    Column("settings_digest", String(64), nullable=False),
    Column("code_version", String(64), nullable=False),
    Column(
        "outcome_digest",
        String(64),
        nullable=False,
        index=True,
        comment="SHA-256 of the canonical assessment",
    ),
    Index(
        "ix_decision_on_merged",
        "patient_id",
        postgresql_where=text(ON_MERGED),
        sqlite_where=text(ON_MERGED),
    ),
    # A shadow tells by the number what was decided since: a new decision never gets that of an erased one.
    sqlite_autoincrement=True,
)

outcome = Table(
    "outcome",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False, comment="the canonical assessment, zstandard-compressed"),
    comment="what decisions came to, content-addressed by SHA-256: only so can a difference be told",
)

outbox = Table(
    "outbox",
    metadata,
    Column("alert_id", ForeignKey("alert.id"), primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("wanted_revision", Integer, nullable=False),
    Column("sent_revision", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False, comment="settling: coalesce until then"),
    Column("lease_until", Instant, nullable=True),
    Column("lease_token", Uuid, nullable=True, comment="fences a sender whose lease has run out"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("dead", Boolean, nullable=False, server_default=text("false")),
    Column("cancelled_by", String(128), nullable=True, comment="who stopped it, where a person has"),
    Column("last_error", Text, nullable=True),
    Column("remote", Text, nullable=True, comment="JSON: ids and ETags learnt from the EHR"),
    Index(None, "not_before"),
)

catch_up = Table(
    "catch_up",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("type", String(64), primary_key=True, comment="resource type"),
    Column("mark", Instant, nullable=True, comment="what the server changed before then has been read"),
    Column("next_at", Instant, nullable=False, comment="asked again then; while asking, when others may"),
    Column("read", Instant, nullable=True, comment="when it was last read to its end"),
    Column("compared", Instant, nullable=True, comment="what came up to then was looked for there again"),
    Column("compared_key", String(192), nullable=True, comment="and of that instant, up to this Type/id"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="since it last worked"),
    Column("problem", Text, nullable=True, comment="why not, in words without patient data"),
    Column("told", Instant, nullable=True, comment="the feed said then that something changed, not what"),
    comment="how far each type of each source's resources has been asked for",
)

subscription = Table(
    "subscription",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("fhir_id", String(128), primary_key=True, comment="its id at the server"),
    Column("subject", String(512), nullable=False, comment="the topic, or the search it is by"),
    Column("status", String(32), nullable=False, comment="as the server said last; gone where it has none"),
    Column("checked", Instant, nullable=False, comment="when it said so"),
    Column("asked_again", Instant, nullable=True, comment="when it was last asked to be active again"),
    Column("operations", String(64), nullable=False, comment="offered there, of: status, events"),
    Column("events", BigInteger, nullable=True, comment="highest number told of; null: it does not count"),
    Column("missing_from", BigInteger, nullable=True, comment="first number that did not come"),
    Column("missing_to", BigInteger, nullable=True, comment="last number that did not come"),
    Column("missing_since", Instant, nullable=True, comment="when that was noticed"),
    Column("gaps", Integer, nullable=False, server_default=text("0"), comment="that were noticed so far"),
    comment="the Subscriptions this service made at a source's server, and keeps",
)

pending_fetch = Table(
    "pending_fetch",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("key", String(192), primary_key=True, comment="Type/id; empty: something changed"),
    Column("way", String(8), nullable=False, comment="by which what is fetched comes: feed, or catch-up"),
    Column("asked", Instant, nullable=False),
    Column("generation", Integer, nullable=False, comment="counts how often it was asked for meanwhile"),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("lease_until", Instant, nullable=True),
    Column("lease_token", Uuid, nullable=True, comment="fences a fetcher whose lease has run out"),
    Column("problem", Text, nullable=True, comment="why not, in words without patient data"),
    _a_way(),
    Index(None, "source_id", "not_before"),
    comment="what notifications pointed at and did not bring",
)

heard = Table(
    "heard",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("events", BigInteger, nullable=True),
    comment="the latest word of each source's server on its Subscription",
)

bulk_export = Table(
    "bulk_export",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("asked", Text, nullable=False, comment="JSON: what a person asked for"),
    Column("types", Text, nullable=False, comment="resource types the server was asked for, with commas"),
    Column("status_url", Text, nullable=False, comment="where the server tells how far it is"),
    Column("begun", Instant, nullable=False),
    Column("seen", Instant, nullable=False, comment="when somebody last worked on it"),
    comment="the export in bulk that is under way, of each source",
)

bulk_file = Table(
    "bulk_file",
    metadata,
    Column("source_id", ForeignKey("bulk_export.source_id"), primary_key=True),
    Column("digest", String(64), primary_key=True, comment="SHA-256 of its address without a signature"),
    Column("rejected", Integer, nullable=False, comment="lines in it that are no resource"),
    comment="files of that export that have been read, and what they brought is stored",
)

last_message = Table(
    "last_message",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("at", Instant, nullable=False, comment="no more than seconds before the latest"),
    Column("first", Instant, nullable=False, comment="before then the source had no feed"),
    comment="when the feed of each source last brought anything, and when first",
)

ERASED = "action = 'erase'"
"""Of a row of the audit log: something was erased because its time of retention had ended."""

audit = Table(
    "audit",
    metadata,
    Column("id", _big, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(40), nullable=False),
    Column("source_id", Integer, nullable=True),
    Column("patient_id", Integer, nullable=True),
    Column("detail", Text, nullable=False, comment="JSON; never values, names or identifiers"),
    Index(None, "at"),
    Index(None, "patient_id"),
    Index("ix_audit_erased", "id", postgresql_where=text(ERASED), sqlite_where=text(ERASED)),
)

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("position", _big, primary_key=True, autoincrement=False, comment="1, 2, 3 ... without a gap"),
    Column("audit_id", _big, nullable=False, unique=True),
    Column("sealed", Instant, nullable=False),
    Column("hash", String(64), nullable=False, comment="SHA-256 over the hash before it and the audit row"),
    comment="the chain over the audit log; only added to, as the log itself: triggers refuse all else",
)

reader_token = Table(
    "reader_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True, comment="SHA-256 of the token"),
    Column("sources", Text, nullable=False, comment="JSON: names of the sources it may read"),
    Column("audits", Boolean, nullable=False, comment="reads the audit log, and nothing else of patients"),
    Column("created", Instant, nullable=False),
    Column("revoked", Instant, nullable=True),
)

cds_card = Table(
    "cds_card",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alert_id", Uuid, ForeignKey("alert.id"), nullable=False, index=True),
    Column("source_id", Integer, ForeignKey("source.id"), nullable=False),
    Column("tier", Integer, nullable=False, comment="of the alert as it was shown"),
    Column("urgent", Text, nullable=False, comment="JSON: what made it urgent then"),
    Column("shown", Instant, nullable=False, comment="for the first time"),
    comment="cards of CDS Hooks that feedback may come about",
)

cds_token = Table(
    "cds_token",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of issuer and jti"),
    Column("expires", Instant, nullable=False, index=True),
    comment="tokens of CDS Hooks that have been used, until they expire",
)

signed_message = Table(
    "signed_message",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the source and the message"),
    Column("expires", Instant, nullable=False, index=True),
    comment="messages of feeds whose time is signed, until they would be stale: each counts once",
)

account = Table(
    "account",
    metadata,
    Column("id", String(64), primary_key=True, comment="the name signed in with; of others: sso:..."),
    Column("shown", String(128), nullable=False, comment="the name that others see"),
    Column("roles", Text, nullable=False, comment="JSON: names of roles"),
    Column("sources", Text, nullable=False, comment="JSON: names of sources it may see; * is every one"),
    Column("password", String(256), nullable=True, comment="argon2id; null: signs in elsewhere, or removed"),
    Column("one_time", Boolean, nullable=False, comment="the password has to be changed at first use"),
    Column("issuer", String(512), nullable=True, comment="who vouches for one that signs in elsewhere"),
    Column("subject", String(255), nullable=True, comment="what that issuer calls it"),
    Column("active", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("shortcuts", Boolean, nullable=False, server_default=text("true"), comment="keys on the worklist"),
    Column("zone", String(64), nullable=True, comment="in which it reads times; null: UTC"),
    Column("signed_in", Instant, nullable=True, comment="last"),
    UniqueConstraint("issuer", "subject"),
    comment="people who may use the pages",
)

account_name = Table(
    "account_name",
    metadata,
    Column("shown", String(128), primary_key=True, comment="a name that others have seen, as it was spelt"),
    Column("alike", String(64), nullable=False, index=True, comment="the same for names that look alike"),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    comment="whose name is whose, for ever: decisions and owners are told apart by it",
)

saved_view = Table(
    "saved_view",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("query", Text, nullable=False, comment="the filters, as they stand in an address; never a search"),
    Column("first", Boolean, nullable=False, comment="shown where nothing else is asked for"),
    UniqueConstraint("account_id", "name"),
    comment="filters of the worklist that people have given a name",
)

simulation = Table(
    "simulation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("by", String(128), nullable=False),
    Column("candidate_digest", String(64), nullable=False),
    Column("in_force_digest", String(64), nullable=False, comment="the rulebook it was compared with"),
    Column("clock", String(8), nullable=False),
    Column("last_day", Date, nullable=False, comment="the year whose weeks are counted ends on it"),
    Column("code_version", String(64), nullable=False),
    comment="a changed rulebook tried on everything stored; the texts of both are in stored_text",
)

simulation_source = Table(
    "simulation_source",
    metadata,
    Column("simulation_id", ForeignKey("simulation.id"), primary_key=True),
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("effect", Text, nullable=False, comment="JSON: how many alerts of its patients became what"),
    comment="what a simulation found, source by source: who sees one is told of that one alone",
)


def _changed_alert() -> list[Any]:
    """The columns of an alert that two rulebooks are compared by."""
    return [
        Column("source_id", ForeignKey("source.id"), nullable=False),
        Column("patient_id", ForeignKey("patient.id"), nullable=False),
        Column("outcome", String(16), nullable=False),
        Column("family", String(16), nullable=False),
        Column("tier_before", Integer, nullable=True, comment="null: the rulebook in force raises none"),
        Column("tier_after", Integer, nullable=True, comment="null: the candidate raises none"),
        Column("day", Date, nullable=False, comment="the first day on which it would have been raised"),
        Column("open", Boolean, nullable=False, comment="somebody would have to act on it now"),
        _one_of("outcome", Outcome),
        _one_of("family", Family),
    ]


simulation_alert = Table(
    "simulation_alert",
    metadata,
    Column("id", _big, primary_key=True),
    Column("simulation_id", ForeignKey("simulation.id"), nullable=False),
    *_changed_alert(),
    Index(None, "patient_id"),
    Index(None, "simulation_id", "outcome", "id"),
    comment="the alerts that a simulated rulebook would add, take away, or move to another tier",
)

shadow = Table(
    "shadow",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("by", String(128), nullable=False),
    Column("candidate_digest", String(64), nullable=False),
    Column("in_force_digest", String(64), nullable=False, comment="the rulebook it is compared with"),
    Column("clock", String(8), nullable=False),
    Column("ended_at", Instant, nullable=True, comment="null: it runs"),
    Column("ended_by", String(128), nullable=True),
    Column("walked_to", Integer, nullable=False, comment="everybody up to this patient was judged once"),
    Column("decided_to", _big, nullable=False, comment="no decision up to this one is to be seen any more"),
    Column("seen_to", _big, nullable=False, comment="the latest decision there was at seen_at"),
    Column("seen_at", Instant, nullable=False),
    comment="a candidate rulebook beside the one in force; the texts of both are in stored_text",
)

shadow_person = Table(
    "shadow_person",
    metadata,
    Column("shadow_id", ForeignKey("shadow.id"), primary_key=True),
    Column("patient_id", ForeignKey("patient.id"), primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("decision_id", _big, nullable=False, comment="the latest then; 0: never judged"),
    Column("day", Date, nullable=False, comment="as of which both rulebooks judged"),
    Column("review_on", Date, nullable=True, comment="the day on which one of them reads the same otherwise"),
    Column("failed", Boolean, nullable=False, comment="one of them could not judge"),
    Column("raised", Text, nullable=True, comment="JSON: the days of alerts by either; null: none"),
    Index(None, "patient_id"),
    Index(None, "shadow_id", "review_on"),
    comment="who was judged by a candidate too, and up to which decision",
)

shadow_alert = Table(
    "shadow_alert",
    metadata,
    Column("id", _big, primary_key=True),
    Column("shadow_id", ForeignKey("shadow.id"), nullable=False),
    *_changed_alert(),
    Column("since", Instant, nullable=False, comment="when it was first found so"),
    Column("until", Instant, nullable=True, comment="when it was found so no more"),
    Index(None, "patient_id", "shadow_id"),
    Index(None, "shadow_id", "outcome", "id"),
    comment="what a candidate makes of alerts: nobody is told, and nothing is written to an EHR",
)

activation = Table(
    "activation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("digest", String(64), nullable=False, comment="of the rulebook, whose text is in stored_text"),
    Column("proposed_by", String(128), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("wanted_from", Instant, nullable=True, comment="null: as soon as it is confirmed"),
    Column("confirmed_by", String(128), nullable=True),
    Column("confirmed_at", Instant, nullable=True),
    Column("in_force_from", Instant, nullable=True, comment="null: not confirmed"),
    Column("withdrawn_by", String(128), nullable=True),
    Column("withdrawn_at", Instant, nullable=True),
    Column(
        "begun_at",
        Instant,
        nullable=True,
        comment="from then on everybody is judged by it, whatever a clock says",
    ),
    Column("rejudged_at", Instant, nullable=True, comment="when everybody had been judged by it"),
    Column("replaces", String(64), nullable=True, comment="digest of the one before; null: not confirmed"),
    CheckConstraint("confirmed_by <> proposed_by", name="two_people"),
    comment="rulebooks that one person proposed, and another put in force from a moment on",
)

session = Table(
    "session",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the random token in the cookie"),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("created", Instant, nullable=False),
    Column("used", Instant, nullable=False, index=True),
    comment="browsers that are signed in",
)

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the name typed, of an account or not"),
    Column("failures", Integer, nullable=False, comment="since the last success"),
    Column("not_before", Instant, nullable=False, comment="until then no password is tried"),
    Column("at", Instant, nullable=False, index=True, comment="the latest"),
    comment="what slows guessing down",
)

sign_in_elsewhere = Table(
    "sign_in_elsewhere",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the state that the answer must bring"),
    Column("content", Text, nullable=False, comment="JSON: whom the browser was sent to, and with what"),
    Column("expires", Instant, nullable=False, index=True),
    comment="browsers that were sent to an identity provider or an EHR and have not come back",
)

break_glass = Table(
    "break_glass",
    metadata,
    Column("id", _big, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("patient_id", ForeignKey("patient.id"), nullable=False, index=True),
    Column("reason", String(16), nullable=False),
    Column("words", Text, nullable=False, comment="why, in the person's own words: may be patient data"),
    Column("opened", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Index(None, "account_id", "until"),
    comment="records opened by people whose sources they are not of",
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", ForeignKey("patient.id"), primary_key=True, index=True),
    Column("reason", Text, nullable=False, comment="in the person's own words: may be patient data"),
    Column("by", String(128), nullable=False, comment="as the audit log names them"),
    Column("placed", Instant, nullable=False),
    Column("released_by", String(128), nullable=True),
    Column("released", Instant, nullable=True, comment="null: nothing of the record may be erased"),
    comment="records kept whatever their age; a hold has a row for every record of the person",
)
