"""The first tables."""

import sqlalchemy as sa
from alembic import op

from service.store.schema import Instant


revision = "0001"
down_revision = None


def upgrade() -> None:  # noqa: PLR0915 - a statement a table
    """Make every table."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON; never values, names or identifiers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_patient_id"), "audit", ["patient_id"], unique=False)
    op.create_index(
        "ix_audit_erased",
        "audit",
        ["id"],
        unique=False,
        postgresql_where=sa.text("action = 'erase'"),
        sqlite_where=sa.text("action = 'erase'"),
    )
    op.create_table(
        "clinical_context",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON: a condition or a medication"),
        sa.PrimaryKeyConstraint("patient_id", "key", name=op.f("pk_clinical_context")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lab_result",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column(
            "observation_id",
            sa.String(length=192),
            nullable=False,
            comment="of a contained result: Type/id",
        ),
        sa.Column("sub_key", sa.String(length=192), nullable=False),
        sa.Column("analyte", sa.String(length=8), nullable=False),
        sa.Column("effective", Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the day stated by the result's own offset"),
        sa.Column(
            "value",
            sa.String(length=40),
            nullable=False,
            comment="exact decimal in the analyte's canonical unit",
        ),
        sa.Column("comparator", sa.String(length=2), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=True, comment="JSON"),
        sa.Column("preliminary", sa.Boolean(), nullable=False),
        sa.Column("flags", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "observation_id", "sub_key", name=op.f("pk_lab_result")),
        comment="the usable results of current versions: what a judgement reads",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patient_link",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "said_by", sa.String(length=128), nullable=False, comment="the Patient that carries the link"
        ),
        sa.Column("replaced", sa.String(length=128), nullable=False),
        sa.Column("survivor", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "said_by", "replaced", "survivor", name=op.f("pk_patient_link")),
        comment="merges, as the current versions of Patients state them; ids are those of the source",
    )
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_patient_link_source_id_replaced"), ["source_id", "replaced"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_patient_link_source_id_survivor"), ["source_id", "survivor"], unique=False
        )

    op.create_table(
        "raw_message",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="the resource's own bytes, zstandard-compressed"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_raw_message")),
        comment="verbatim resources, content-addressed by SHA-256",
    )
    op.create_table(
        "reader_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the token"),
        sa.Column("sources", sa.Text(), nullable=False, comment="JSON: names of the sources it may read"),
        sa.Column(
            "audits",
            sa.Boolean(),
            nullable=False,
            comment="reads the audit log, and nothing else of patients",
        ),
        sa.Column("created", Instant(), nullable=False),
        sa.Column("revoked", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_reader_token_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_reader_token_name")),
    )
    op.create_table(
        "resource",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False, comment="Type/id"),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.String(length=128), nullable=True),
        sa.Column("last_updated", Instant(), nullable=True),
        sa.Column("received", Instant(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since_revision", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("named_by", sa.String(length=520), nullable=True),
        sa.Column("read_as", sa.String(length=9), nullable=True),
        sa.CheckConstraint("read_as IN ('future', 'unordered')", name=op.f("ck_resource_read_as")),
        sa.CheckConstraint("state IN ('live', 'deleted')", name=op.f("ck_resource_state")),
        sa.CheckConstraint("way IN ('file', 'history', 'catch-up', 'feed')", name=op.f("ck_resource_way")),
        sa.PrimaryKeyConstraint("source_id", "key", name=op.f("pk_resource")),
        comment="the current version of every resource kept",
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resource_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            "ix_resource_found",
            ["source_id", "received"],
            unique=False,
            sqlite_where=sa.text("way = 'catch-up'"),
            postgresql_where=sa.text("way = 'catch-up'"),
        )
        batch_op.create_index(
            "ix_resource_deleted",
            ["digest"],
            unique=False,
            postgresql_where=sa.text("state = 'deleted'"),
            sqlite_where=sa.text("state = 'deleted'"),
        )
        batch_op.create_index(
            batch_op.f("ix_resource_source_id_received"),
            ["source_id", "received"],
            unique=False,
            postgresql_where=sa.text("state = 'live'"),
            sqlite_where=sa.text("state = 'live'"),
        )
        batch_op.create_index(
            batch_op.f("ix_resource_source_id_named_by"),
            ["source_id", "named_by"],
            unique=False,
            postgresql_where=sa.text("named_by IS NOT NULL"),
            sqlite_where=sa.text("named_by IS NOT NULL"),
        )

    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "settings",
            sa.Text(),
            nullable=False,
            comment="JSON: how to read it, where to write back; no secrets",
        ),
        sa.Column("secrets", sa.Text(), nullable=False, comment="JSON: SHA-256 of each accepted feed secret"),
        sa.Column("active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "catch_up",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False, comment="resource type"),
        sa.Column(
            "mark", Instant(), nullable=True, comment="what the server changed before then has been read"
        ),
        sa.Column(
            "next_at", Instant(), nullable=False, comment="asked again then; while asking, when others may"
        ),
        sa.Column("read", Instant(), nullable=True, comment="when it was last read to its end"),
        sa.Column(
            "compared", Instant(), nullable=True, comment="what came up to then was looked for there again"
        ),
        sa.Column(
            "compared_key",
            sa.String(length=192),
            nullable=True,
            comment="and of that instant, up to this Type/id",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="since it last worked",
        ),
        sa.Column("problem", sa.Text(), nullable=True, comment="why not, in words without patient data"),
        sa.Column(
            "told",
            Instant(),
            nullable=True,
            comment="the feed said then that something changed, not what",
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_catch_up_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "type", name=op.f("pk_catch_up")),
        comment="how far each type of each source's resources has been asked for",
    )
    op.create_table(
        "subscription",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("fhir_id", sa.String(length=128), nullable=False, comment="its id at the server"),
        sa.Column(
            "subject", sa.String(length=512), nullable=False, comment="the topic, or the search it is by"
        ),
        sa.Column(
            "status",
            sa.String(length=32),
            nullable=False,
            comment="as the server said last; gone where it has none",
        ),
        sa.Column("checked", Instant(), nullable=False, comment="when it said so"),
        sa.Column(
            "asked_again", Instant(), nullable=True, comment="when it was last asked to be active again"
        ),
        sa.Column(
            "operations", sa.String(length=64), nullable=False, comment="offered there, of: status, events"
        ),
        sa.Column(
            "events",
            sa.BigInteger(),
            nullable=True,
            comment="highest number told of; null: it does not count",
        ),
        sa.Column("missing_from", sa.BigInteger(), nullable=True, comment="first number that did not come"),
        sa.Column("missing_to", sa.BigInteger(), nullable=True, comment="last number that did not come"),
        sa.Column("missing_since", Instant(), nullable=True, comment="when that was noticed"),
        sa.Column(
            "gaps",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="that were noticed so far",
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_subscription_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "fhir_id", name=op.f("pk_subscription")),
        comment="the Subscriptions this service made at a source's server, and keeps",
    )
    op.create_table(
        "pending_fetch",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False, comment="Type/id; empty: something changed"),
        sa.Column(
            "way",
            sa.String(length=8),
            nullable=False,
            comment="by which what is fetched comes: feed, or catch-up",
        ),
        sa.Column("asked", Instant(), nullable=False),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="counts how often it was asked for meanwhile"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column(
            "lease_token", sa.Uuid(), nullable=True, comment="fences a fetcher whose lease has run out"
        ),
        sa.Column("problem", sa.Text(), nullable=True, comment="why not, in words without patient data"),
        sa.CheckConstraint(
            "way IN ('file', 'history', 'catch-up', 'feed')", name=op.f("ck_pending_fetch_way")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_pending_fetch_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "key", name=op.f("pk_pending_fetch")),
        comment="what notifications pointed at and did not bring",
    )
    with op.batch_alter_table("pending_fetch", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pending_fetch_source_id_not_before"), ["source_id", "not_before"], unique=False
        )

    op.create_table(
        "heard",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_heard_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_heard")),
        comment="the latest word of each source's server on its Subscription",
    )
    op.create_table(
        "bulk_export",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False, comment="JSON: what a person asked for"),
        sa.Column(
            "types",
            sa.Text(),
            nullable=False,
            comment="resource types the server was asked for, with commas",
        ),
        sa.Column("status_url", sa.Text(), nullable=False, comment="where the server tells how far it is"),
        sa.Column("begun", Instant(), nullable=False),
        sa.Column("seen", Instant(), nullable=False, comment="when somebody last worked on it"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_bulk_export_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_bulk_export")),
        comment="the export in bulk that is under way, of each source",
    )
    op.create_table(
        "bulk_file",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of its address without a signature",
        ),
        sa.Column("rejected", sa.Integer(), nullable=False, comment="lines in it that are no resource"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["bulk_export.source_id"], name=op.f("fk_bulk_file_source_id_bulk_export")
        ),
        sa.PrimaryKeyConstraint("source_id", "digest", name=op.f("pk_bulk_file")),
        comment="files of that export that have been read, and what they brought is stored",
    )
    op.create_table(
        "last_message",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False, comment="no more than seconds before the latest"),
        sa.Column("first", Instant(), nullable=False, comment="before then the source had no feed"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_last_message_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_last_message")),
        comment="when the feed of each source last brought anything, and when first",
    )
    op.create_table(
        "stored_text",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_stored_text")),
        comment="rulebooks and source settings, by SHA-256, for replay",
    )
    op.create_table(
        "superseded",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.String(length=128), nullable=True),
        sa.Column("last_updated", Instant(), nullable=True),
        sa.Column("received", Instant(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since_revision", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("named_by", sa.String(length=520), nullable=True),
        sa.Column("read_as", sa.String(length=9), nullable=True),
        sa.Column("until_revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("read_as IN ('future', 'unordered')", name=op.f("ck_superseded_read_as")),
        sa.CheckConstraint("state IN ('live', 'deleted')", name=op.f("ck_superseded_state")),
        sa.CheckConstraint("way IN ('file', 'history', 'catch-up', 'feed')", name=op.f("ck_superseded_way")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_superseded")),
        comment="older versions; since = until for one that was never current",
    )
    with op.batch_alter_table("superseded", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_superseded_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            "ix_superseded_deleted",
            ["digest"],
            unique=False,
            postgresql_where=sa.text("state = 'deleted'"),
            sqlite_where=sa.text("state = 'deleted'"),
        )
        batch_op.create_index(
            "ix_superseded_fed_or_found",
            ["source_id", "received"],
            unique=False,
            postgresql_where=sa.text("way IN ('feed', 'catch-up') AND last_updated IS NOT NULL"),
            sqlite_where=sa.text("way IN ('feed', 'catch-up') AND last_updated IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_superseded_source_id_key"), ["source_id", "key"], unique=False)

    op.create_table(
        "ignored",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_ignored_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "reason", name=op.f("pk_ignored")),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("fhir_id", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False, comment="opaque: the only id used in URLs"),
        sa.Column(
            "revision",
            sa.Integer(),
            nullable=False,
            comment="counts the transactions that changed the record",
        ),
        sa.Column(
            "judged_revision",
            sa.Integer(),
            nullable=False,
            comment="the revision last judged; behind: unjudged",
        ),
        sa.Column(
            "read_digest",
            sa.String(length=64),
            nullable=False,
            comment="rulebook and settings all of it was read under",
        ),
        sa.Column("survivor_id", sa.Integer(), nullable=True, comment="merged into this record"),
        sa.Column("sex", sa.String(length=8), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("deceased", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column(
            "review_on",
            sa.Date(),
            nullable=True,
            comment="judge again from this day on, even if nothing arrives",
        ),
        sa.Column(
            "past_due", Instant(), nullable=True, comment="when to ask the EHR for the past; null: asked"
        ),
        sa.Column(
            "ethnicity",
            sa.String(length=64),
            nullable=True,
            comment="in the record's own words; for measures alone",
        ),
        sa.Column(
            "language", sa.String(length=64), nullable=True, comment="BCP 47, or words; for measures alone"
        ),
        sa.Column(
            "course",
            sa.Text(),
            nullable=True,
            comment="JSON: what measures count of the last judgement: elevations, rechecks",
        ),
        sa.Column(
            "peaks",
            sa.Text(),
            nullable=True,
            comment="JSON: how high tests came, by month; null: none was elevated",
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_patient_source_id_source")),
        sa.ForeignKeyConstraint(["survivor_id"], ["patient.id"], name=op.f("fk_patient_survivor_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("public_id", name=op.f("uq_patient_public_id")),
        sa.UniqueConstraint("source_id", "fhir_id", name=op.f("uq_patient_source_id_fhir_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_review_on"), ["review_on"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_patient_source_id_past_due"),
            ["source_id", "past_due"],
            unique=False,
            postgresql_where=sa.text("past_due IS NOT NULL"),
            sqlite_where=sa.text("past_due IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_patient_survivor_id"), ["survivor_id"], unique=False)
        batch_op.create_index(
            "ix_patient_unjudged",
            ["id"],
            unique=False,
            postgresql_where=sa.text("revision <> judged_revision"),
            sqlite_where=sa.text("revision <> judged_revision"),
        )
        batch_op.create_index(
            "ix_patient_with_peaks",
            ["source_id"],
            unique=False,
            postgresql_where=sa.text("peaks IS NOT NULL"),
            sqlite_where=sa.text("peaks IS NOT NULL"),
        )

    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=True),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("received", Instant(), nullable=False),
        sa.Column(
            "way",
            sa.String(length=8),
            nullable=True,
            comment="by which it came; null: it is about a whole record",
        ),
        sa.Column("retry_at", Instant(), nullable=True, comment="a future result is tried again then"),
        sa.Column("resolved", Instant(), nullable=True),
        sa.Column("resolution", sa.String(length=40), nullable=True),
        sa.CheckConstraint("way IN ('file', 'history', 'catch-up', 'feed')", name=op.f("ck_quarantine_way")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_quarantine_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quarantine_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_quarantine_resolved_retry_at"), ["resolved", "retry_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_quarantine_source_id_key"), ["source_id", "key"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.Column("updated", Instant(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "place",
            sa.String(length=24),
            nullable=True,
            comment="in the worklist: sorts as people work; null: over",
        ),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column(
            "cause",
            sa.String(length=24),
            nullable=True,
            comment="the candidate that most in the record speaks for",
        ),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON: the whole alert"),
        sa.Column(
            "waiting_from",
            Instant(),
            nullable=True,
            comment="untaken, with somebody left to tell: time runs from then",
        ),
        sa.Column(
            "overdue",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="untaken for too long",
        ),
        sa.Column("wakes", sa.Date(), nullable=True),
        sa.Column("held", sa.Uuid(), nullable=True, comment="the disposition that put it to sleep"),
        sa.Column("last_result", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "family IN ('transaminase', 'cholestatic', 'bilirubin', 'follow-up')",
            name=op.f("ck_alert_family"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'taken', 'snoozed', 'monitoring', 'escalated', 'referred', "
            "'overridden', 'resolved', 'dormant', 'entered-in-error', 'merged')",
            name=op.f("ck_alert_state"),
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_alert_patient_id_patient")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_alert_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_alert_source_id_waiting_from"),
            ["source_id", "waiting_from"],
            unique=False,
            postgresql_where=sa.text("waiting_from IS NOT NULL"),
            sqlite_where=sa.text("waiting_from IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_alert_state_tier"), ["state", "tier"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_updated"), ["updated"], unique=False)
        batch_op.create_index(
            "ix_alert_worklist",
            ["place", "id", "source_id", "state", "tier", "family", "owner", "cause", "patient_id"],
            unique=False,
            postgresql_where=sa.text("place IS NOT NULL"),
            sqlite_where=sa.text("place IS NOT NULL"),
        )

    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column(
            "inputs",
            sa.Text(),
            nullable=False,
            comment="JSON: [[patient id, revision], ...]: all versions current then",
        ),
        sa.Column("dispositions", sa.Text(), nullable=False, comment="JSON: ids of the dispositions known"),
        sa.Column("rulebook_digest", sa.String(length=64), nullable=False),
        sa.Column("settings_digest", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.Column(
            "outcome_digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the canonical assessment",
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_decision_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_outcome_digest"), ["outcome_digest"], unique=False)
        batch_op.create_index(
            "ix_decision_on_merged",
            ["patient_id"],
            unique=False,
            postgresql_where=sa.text("inputs LIKE '%],[%'"),
            sqlite_where=sa.text("inputs LIKE '%],[%'"),
        )

    op.create_table(
        "outcome",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="the canonical assessment, zstandard-compressed",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_outcome")),
        comment="what decisions came to, content-addressed by SHA-256: only so can a difference be told",
    )

    op.create_table(
        "patient_name",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False, comment="as a person reads it: Chalmers, Peter James"),
        sa.Column(
            "searched",
            sa.Text(),
            nullable=False,
            comment="every word of every name, folded, each after a blank",
        ),
        sa.Column(
            "born",
            sa.String(length=10),
            nullable=False,
            comment="as stated: a day, a month, a year; empty: unknown",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_name_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_patient_name")),
        comment="what people are called, as the current versions of Patients state it",
    )
    op.create_table(
        "remark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('comment', 'useful', 'not-useful')", name=op.f("ck_remark_kind")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_remark_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark")),
        comment="what people say of an alert beside what they decide about it",
    )
    with op.batch_alter_table("remark", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_remark_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "patient_identifier",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=520), nullable=False, comment="system|value"),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_identifier_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("source_id", "identifier", "patient_id", name=op.f("pk_patient_identifier")),
        comment="identifiers, as the current versions of Patients state them",
    )
    with op.batch_alter_table("patient_identifier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_identifier_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "alert_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_event_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
        comment="what happened to an alert; the decision behind it is the patient's of the same instant",
    )
    with op.batch_alter_table("alert_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_event_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "disposition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON: the whole disposition"),
        sa.CheckConstraint(
            "action IN ('take', 'assign', 'snooze', 'known-cause', 'escalate', 'refer', 'override', "
            "'reopen')",
            name=op.f("ck_disposition_action"),
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_disposition_alert_id_alert")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_disposition_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposition")),
    )
    with op.batch_alter_table("disposition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_disposition_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_disposition_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("wanted_revision", sa.Integer(), nullable=False),
        sa.Column("sent_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", Instant(), nullable=False, comment="settling: coalesce until then"),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True, comment="fences a sender whose lease has run out"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dead", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column(
            "cancelled_by",
            sa.String(length=128),
            nullable=True,
            comment="who stopped it, where a person has",
        ),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("remote", sa.Text(), nullable=True, comment="JSON: ids and ETags learnt from the EHR"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_outbox_alert_id_alert")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_outbox_source_id_source")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_not_before"), ["not_before"], unique=False)

    op.create_table(
        "disposition_evidence",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "observation_id",
            sa.String(length=192),
            nullable=False,
            comment="of a contained result: Type/id",
        ),
        sa.Column("disposition_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["disposition_id"],
            ["disposition.id"],
            name=op.f("fk_disposition_evidence_disposition_id_disposition"),
        ),
        sa.PrimaryKeyConstraint(
            "source_id", "observation_id", "disposition_id", name=op.f("pk_disposition_evidence")
        ),
        comment="decisions stay with the results they were made on, whoever those turn out to belong to",
    )
    with op.batch_alter_table("disposition_evidence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_disposition_evidence_disposition_id"), ["disposition_id"], unique=False
        )

    op.create_table(
        "cds_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False, comment="of the alert as it was shown"),
        sa.Column("urgent", sa.Text(), nullable=False, comment="JSON: what made it urgent then"),
        sa.Column("shown", Instant(), nullable=False, comment="for the first time"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_cds_card_alert_id_alert")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_cds_card_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cds_card")),
        comment="cards of CDS Hooks that feedback may come about",
    )
    with op.batch_alter_table("cds_card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cds_card_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "cds_token",
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of issuer and jti"),
        sa.Column("expires", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_cds_token")),
        comment="tokens of CDS Hooks that have been used, until they expire",
    )
    with op.batch_alter_table("cds_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cds_token_expires"), ["expires"], unique=False)
    op.create_table(
        "account",
        sa.Column(
            "id",
            sa.String(length=64),
            nullable=False,
            comment="the name signed in with; of others: sso:...",
        ),
        sa.Column("shown", sa.String(length=128), nullable=False, comment="the name that others see"),
        sa.Column("roles", sa.Text(), nullable=False, comment="JSON: names of roles"),
        sa.Column(
            "sources",
            sa.Text(),
            nullable=False,
            comment="JSON: names of sources it may see; * is every one",
        ),
        sa.Column(
            "password",
            sa.String(length=256),
            nullable=True,
            comment="argon2id; null: signs in elsewhere, or removed",
        ),
        sa.Column(
            "one_time",
            sa.Boolean(),
            nullable=False,
            comment="the password has to be changed at first use",
        ),
        sa.Column(
            "issuer",
            sa.String(length=512),
            nullable=True,
            comment="who vouches for one that signs in elsewhere",
        ),
        sa.Column("subject", sa.String(length=255), nullable=True, comment="what that issuer calls it"),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.Column(
            "shortcuts",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="keys on the worklist",
        ),
        sa.Column("zone", sa.String(length=64), nullable=True, comment="in which it reads times; null: UTC"),
        sa.Column("signed_in", Instant(), nullable=True, comment="last"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_account_issuer_subject")),
        comment="people who may use the pages",
    )
    op.create_table(
        "account_name",
        sa.Column(
            "shown",
            sa.String(length=128),
            nullable=False,
            comment="a name that others have seen, as it was spelt",
        ),
        sa.Column(
            "alike", sa.String(length=64), nullable=False, comment="the same for names that look alike"
        ),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_name_account_id_account")
        ),
        sa.PrimaryKeyConstraint("shown", name=op.f("pk_account_name")),
        comment="whose name is whose, for ever: decisions and owners are told apart by it",
    )
    with op.batch_alter_table("account_name", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_name_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_name_alike"), ["alike"], unique=False)
    op.create_table(
        "simulation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("candidate_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "in_force_digest",
            sa.String(length=64),
            nullable=False,
            comment="the rulebook it was compared with",
        ),
        sa.Column("clock", sa.String(length=8), nullable=False),
        sa.Column(
            "last_day", sa.Date(), nullable=False, comment="the year whose weeks are counted ends on it"
        ),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation")),
        comment="a changed rulebook tried on everything stored; the texts of both are in stored_text",
    )
    op.create_table(
        "simulation_source",
        sa.Column("simulation_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "effect",
            sa.Text(),
            nullable=False,
            comment="JSON: how many alerts of its patients became what",
        ),
        sa.ForeignKeyConstraint(
            ["simulation_id"],
            ["simulation.id"],
            name=op.f("fk_simulation_source_simulation_id_simulation"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_simulation_source_source_id_source")
        ),
        sa.PrimaryKeyConstraint("simulation_id", "source_id", name=op.f("pk_simulation_source")),
        comment="what a simulation found, source by source: who sees one is told of that one alone",
    )
    op.create_table(
        "simulation_alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("simulation_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column(
            "tier_before",
            sa.Integer(),
            nullable=True,
            comment="null: the rulebook in force raises none",
        ),
        sa.Column("tier_after", sa.Integer(), nullable=True, comment="null: the candidate raises none"),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="the first day on which it would have been raised"
        ),
        sa.Column("open", sa.Boolean(), nullable=False, comment="somebody would have to act on it now"),
        sa.CheckConstraint(
            "outcome IN ('gained', 'lost', 'tier-changed', 'unchanged')",
            name=op.f("ck_simulation_alert_outcome"),
        ),
        sa.CheckConstraint(
            "family IN ('transaminase', 'cholestatic', 'bilirubin', 'follow-up')",
            name=op.f("ck_simulation_alert_family"),
        ),
        sa.ForeignKeyConstraint(
            ["simulation_id"],
            ["simulation.id"],
            name=op.f("fk_simulation_alert_simulation_id_simulation"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_simulation_alert_source_id_source")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_simulation_alert_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation_alert")),
        comment="the alerts that a simulated rulebook would add, take away, or move to another tier",
    )
    with op.batch_alter_table("simulation_alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_simulation_alert_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_simulation_alert_simulation_id_outcome_id"),
            ["simulation_id", "outcome", "id"],
            unique=False,
        )

    op.create_table(
        "saved_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "query",
            sa.Text(),
            nullable=False,
            comment="the filters, as they stand in an address; never a search",
        ),
        sa.Column("first", sa.Boolean(), nullable=False, comment="shown where nothing else is asked for"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_saved_view_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_saved_view_account_id_name")),
        comment="filters of the worklist that people have given a name",
    )
    op.create_table(
        "activation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="of the rulebook, whose text is in stored_text",
        ),
        sa.Column("proposed_by", sa.String(length=128), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column(
            "wanted_from",
            Instant(),
            nullable=True,
            comment="null: as soon as it is confirmed",
        ),
        sa.Column("confirmed_by", sa.String(length=128), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column(
            "in_force_from",
            Instant(),
            nullable=True,
            comment="null: not confirmed",
        ),
        sa.Column("withdrawn_by", sa.String(length=128), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column(
            "begun_at",
            Instant(),
            nullable=True,
            comment="from then on everybody is judged by it, whatever a clock says",
        ),
        sa.Column(
            "rejudged_at",
            Instant(),
            nullable=True,
            comment="when everybody had been judged by it",
        ),
        sa.Column(
            "replaces",
            sa.String(length=64),
            nullable=True,
            comment="digest of the one before; null: not confirmed",
        ),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_activation_two_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activation")),
        comment="rulebooks that one person proposed, and another put in force from a moment on",
    )
    op.create_table(
        "shadow",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("candidate_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "in_force_digest",
            sa.String(length=64),
            nullable=False,
            comment="the rulebook it is compared with",
        ),
        sa.Column("clock", sa.String(length=8), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True, comment="null: it runs"),
        sa.Column("ended_by", sa.String(length=128), nullable=True),
        sa.Column(
            "walked_to", sa.Integer(), nullable=False, comment="everybody up to this patient was judged once"
        ),
        sa.Column(
            "decided_to",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="no decision up to this one is to be seen any more",
        ),
        sa.Column(
            "seen_to",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the latest decision there was at seen_at",
        ),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow")),
        comment="a candidate rulebook beside the one in force; the texts of both are in stored_text",
    )
    op.create_table(
        "shadow_alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shadow_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column(
            "tier_before", sa.Integer(), nullable=True, comment="null: the rulebook in force raises none"
        ),
        sa.Column("tier_after", sa.Integer(), nullable=True, comment="null: the candidate raises none"),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="the first day on which it would have been raised"
        ),
        sa.Column("open", sa.Boolean(), nullable=False, comment="somebody would have to act on it now"),
        sa.Column(
            "since",
            Instant(),
            nullable=False,
            comment="when it was first found so",
        ),
        sa.Column(
            "until",
            Instant(),
            nullable=True,
            comment="when it was found so no more",
        ),
        sa.CheckConstraint(
            "family IN ('transaminase', 'cholestatic', 'bilirubin', 'follow-up')",
            name=op.f("ck_shadow_alert_family"),
        ),
        sa.CheckConstraint(
            "outcome IN ('gained', 'lost', 'tier-changed', 'unchanged')", name=op.f("ck_shadow_alert_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_shadow_alert_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(["shadow_id"], ["shadow.id"], name=op.f("fk_shadow_alert_shadow_id_shadow")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_shadow_alert_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_alert")),
        comment="what a candidate makes of alerts: nobody is told, and nothing is written to an EHR",
    )
    with op.batch_alter_table("shadow_alert", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shadow_alert_shadow_id_outcome_id"), ["shadow_id", "outcome", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_shadow_alert_patient_id_shadow_id"), ["patient_id", "shadow_id"], unique=False
        )

    op.create_table(
        "shadow_person",
        sa.Column("shadow_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "decision_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the latest then; 0: never judged",
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="as of which both rulebooks judged"),
        sa.Column(
            "review_on",
            sa.Date(),
            nullable=True,
            comment="the day on which one of them reads the same otherwise",
        ),
        sa.Column("failed", sa.Boolean(), nullable=False, comment="one of them could not judge"),
        sa.Column(
            "raised", sa.Text(), nullable=True, comment="JSON: the days of alerts by either; null: none"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_shadow_person_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(["shadow_id"], ["shadow.id"], name=op.f("fk_shadow_person_shadow_id_shadow")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_shadow_person_source_id_source")),
        sa.PrimaryKeyConstraint("shadow_id", "patient_id", name=op.f("pk_shadow_person")),
        comment="who was judged by a candidate too, and up to which decision",
    )
    with op.batch_alter_table("shadow_person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shadow_person_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_shadow_person_shadow_id_review_on"), ["shadow_id", "review_on"], unique=False
        )

    op.create_table(
        "session",
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the random token in the cookie",
        ),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.Column("used", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id_account")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
        comment="browsers that are signed in",
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_session_used"), ["used"], unique=False)

    op.create_table(
        "sign_in_attempt",
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the name typed, of an account or not",
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="since the last success"),
        sa.Column("not_before", Instant(), nullable=False, comment="until then no password is tried"),
        sa.Column("at", Instant(), nullable=False, comment="the latest"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempt")),
        comment="what slows guessing down",
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_at"), ["at"], unique=False)

    op.create_table(
        "sign_in_elsewhere",
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the state that the answer must bring",
        ),
        sa.Column(
            "content",
            sa.Text(),
            nullable=False,
            comment="JSON: whom the browser was sent to, and with what",
        ),
        sa.Column("expires", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_elsewhere")),
        comment="browsers that were sent to an identity provider or an EHR and have not come back",
    )
    with op.batch_alter_table("sign_in_elsewhere", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_elsewhere_expires"), ["expires"], unique=False)

    op.create_table(
        "break_glass",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column(
            "words",
            sa.Text(),
            nullable=False,
            comment="why, in the person's own words: may be patient data",
        ),
        sa.Column("opened", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_break_glass_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_break_glass_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
        comment="records opened by people whose sources they are not of",
    )
    with op.batch_alter_table("break_glass", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_break_glass_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_break_glass_account_id_until"), ["account_id", "until"], unique=False
        )

    op.create_table(
        "signed_message",
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="SHA-256 of the source and the message"
        ),
        sa.Column("expires", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_signed_message")),
        comment="messages of feeds whose time is signed, until they would be stale: each counts once",
    )
    with op.batch_alter_table("signed_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signed_message_expires"), ["expires"], unique=False)

    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="in the person's own words: may be patient data"
        ),
        sa.Column("by", sa.String(length=128), nullable=False, comment="as the audit log names them"),
        sa.Column("placed", Instant(), nullable=False),
        sa.Column("released_by", sa.String(length=128), nullable=True),
        sa.Column("released", Instant(), nullable=True, comment="null: nothing of the record may be erased"),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_legal_hold_patient_id_patient")
        ),
        sa.PrimaryKeyConstraint("id", "patient_id", name=op.f("pk_legal_hold")),
        comment="records kept whatever their age; a hold has a row for every record of the person",
    )
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_legal_hold_patient_id"), ["patient_id"], unique=False)


def downgrade() -> None:  # noqa: PLR0915
    """Drop every table."""
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_legal_hold_patient_id"))

    op.drop_table("legal_hold")
    with op.batch_alter_table("signed_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signed_message_expires"))

    op.drop_table("signed_message")
    with op.batch_alter_table("break_glass", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_break_glass_account_id_until"))
        batch_op.drop_index(batch_op.f("ix_break_glass_patient_id"))

    op.drop_table("break_glass")
    with op.batch_alter_table("sign_in_elsewhere", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_elsewhere_expires"))

    op.drop_table("sign_in_elsewhere")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_at"))

    op.drop_table("sign_in_attempt")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_used"))
        batch_op.drop_index(batch_op.f("ix_session_account_id"))

    op.drop_table("session")
    with op.batch_alter_table("shadow_person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shadow_person_shadow_id_review_on"))
        batch_op.drop_index(batch_op.f("ix_shadow_person_patient_id"))

    op.drop_table("shadow_person")
    with op.batch_alter_table("shadow_alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shadow_alert_patient_id_shadow_id"))
        batch_op.drop_index(batch_op.f("ix_shadow_alert_shadow_id_outcome_id"))

    op.drop_table("shadow_alert")
    op.drop_table("shadow")
    op.drop_table("activation")

    with op.batch_alter_table("simulation_alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_simulation_alert_simulation_id_outcome_id"))
        batch_op.drop_index(batch_op.f("ix_simulation_alert_patient_id"))

    op.drop_table("simulation_alert")
    op.drop_table("simulation_source")
    op.drop_table("simulation")
    op.drop_table("saved_view")
    with op.batch_alter_table("account_name", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_name_alike"))
        batch_op.drop_index(batch_op.f("ix_account_name_account_id"))
    op.drop_table("account_name")
    op.drop_table("account")
    with op.batch_alter_table("cds_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cds_token_expires"))

    op.drop_table("cds_token")
    with op.batch_alter_table("cds_card", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cds_card_alert_id"))

    op.drop_table("cds_card")
    with op.batch_alter_table("disposition_evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_disposition_evidence_disposition_id"))

    op.drop_table("disposition_evidence")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_not_before"))

    op.drop_table("outbox")
    with op.batch_alter_table("disposition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_disposition_alert_id"))
        batch_op.drop_index(batch_op.f("ix_disposition_patient_id"))

    op.drop_table("disposition")
    with op.batch_alter_table("alert_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_event_alert_id"))

    op.drop_table("alert_event")
    with op.batch_alter_table("patient_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patient_identifier_patient_id"))

    op.drop_table("patient_identifier")
    with op.batch_alter_table("remark", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_remark_alert_id"))

    op.drop_table("remark")
    op.drop_table("patient_name")
    op.drop_table("outcome")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_decision_on_merged",
            postgresql_where=sa.text("inputs LIKE '%],[%'"),
            sqlite_where=sa.text("inputs LIKE '%],[%'"),
        )
        batch_op.drop_index(batch_op.f("ix_decision_outcome_digest"))
        batch_op.drop_index(batch_op.f("ix_decision_patient_id"))

    op.drop_table("decision")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_alert_worklist",
            postgresql_where=sa.text("place IS NOT NULL"),
            sqlite_where=sa.text("place IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_alert_updated"))
        batch_op.drop_index(batch_op.f("ix_alert_state_tier"))
        batch_op.drop_index(
            batch_op.f("ix_alert_source_id_waiting_from"),
            postgresql_where=sa.text("waiting_from IS NOT NULL"),
            sqlite_where=sa.text("waiting_from IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_alert_patient_id"))

    op.drop_table("alert")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quarantine_source_id_key"))
        batch_op.drop_index(batch_op.f("ix_quarantine_resolved_retry_at"))
        batch_op.drop_index(batch_op.f("ix_quarantine_patient_id"))

    op.drop_table("quarantine")
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_patient_with_peaks",
            postgresql_where=sa.text("peaks IS NOT NULL"),
            sqlite_where=sa.text("peaks IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_patient_unjudged",
            postgresql_where=sa.text("revision <> judged_revision"),
            sqlite_where=sa.text("revision <> judged_revision"),
        )
        batch_op.drop_index(batch_op.f("ix_patient_survivor_id"))
        batch_op.drop_index(
            batch_op.f("ix_patient_source_id_past_due"),
            postgresql_where=sa.text("past_due IS NOT NULL"),
            sqlite_where=sa.text("past_due IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_patient_review_on"))

    op.drop_table("patient")
    op.drop_table("ignored")
    with op.batch_alter_table("superseded", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_superseded_source_id_key"))
        batch_op.drop_index("ix_superseded_fed_or_found")
        batch_op.drop_index("ix_superseded_deleted")
        batch_op.drop_index(batch_op.f("ix_superseded_patient_id"))

    op.drop_table("superseded")
    op.drop_table("stored_text")
    op.drop_table("last_message")
    op.drop_table("bulk_file")
    op.drop_table("bulk_export")
    op.drop_table("heard")
    with op.batch_alter_table("pending_fetch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pending_fetch_source_id_not_before"))

    op.drop_table("pending_fetch")
    op.drop_table("subscription")
    op.drop_table("catch_up")
    op.drop_table("source")
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_resource_source_id_named_by"),
            postgresql_where=sa.text("named_by IS NOT NULL"),
            sqlite_where=sa.text("named_by IS NOT NULL"),
        )
        batch_op.drop_index(
            batch_op.f("ix_resource_source_id_received"),
            postgresql_where=sa.text("state = 'live'"),
            sqlite_where=sa.text("state = 'live'"),
        )
        batch_op.drop_index("ix_resource_deleted")
        batch_op.drop_index(batch_op.f("ix_resource_patient_id"))

    op.drop_table("resource")
    op.drop_table("reader_token")
    op.drop_table("raw_message")
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patient_link_source_id_survivor"))
        batch_op.drop_index(batch_op.f("ix_patient_link_source_id_replaced"))

    op.drop_table("patient_link")
    op.drop_table("lab_result")
    op.drop_table("clinical_context")
    op.drop_table("audit")
