"""One export from beginning to end, whatever it breaks off by: run again, it goes on."""

from typing import Final

from service.catchup.turns import TURNS
from service.errors import Conflict
from service.exporting.deletions import read_deletions
from service.exporting.exporter import Exported, Exporter
from service.exporting.reading import read_files
from service.exporting.taking_up import take_up
from service.exporting.troubles import read_troubles
from service.exporting.waiting import AskedToStop, wait_for
from service.fhir.bulk_manifest import Manifest, check_places
from service.fhir.remote import GONE, RemoteRefused
from service.store import catch_up, exports, patients
from service.store.exports import Asked, Export
from service.store.session import writing

_FORBIDDEN: Final = 403
"""Says something of the credential, and nothing of the export."""


def run(exporter: Exporter, asked: Asked, *, restart: bool = False) -> Exported:
    """Export, store, judge; then catch-up goes on from where the export was made.

    Args:
        exporter: what it takes.
        asked: what is to be exported.
        restart: give up an export that is under way, and begin anew.

    Raises:
        Conflict: one is under way that was asked for otherwise, or somebody else has ended this one.
        ConfigurationError: a type is not read here, or files are where they are not fetched from.
        RemoteError: the server refused, or did not answer; what was read is kept, and it goes on from there.
        Overloaded, sqlalchemy.exc.SQLAlchemyError: as of `Loader.load`.
    """
    try:
        export, manifest = _prepared(exporter, asked, restart=restart)
        check_places(manifest, exporter.client.bulk.base, exporter.others)
        exporter.exported.transaction_time = manifest.transaction_time
        read_files(exporter, export, manifest)
        exporter.tell("judging")
        exporter.loader.judge()
        read_deletions(exporter, manifest)
        read_troubles(exporter, manifest)
    except AskedToStop:
        exporter.exported.stopped = True
    else:
        exporter.exported.stopped = exporter.loader.summary.stopped
        if not exporter.exported.stopped:
            _end(exporter, export, manifest)
    exporter.loader.count_alerts()
    return exporter.exported


def _prepared(exporter: Exporter, asked: Asked, *, restart: bool) -> tuple[Export, Manifest]:
    """The export once it is ready; where the server has lost one that broke off, another in its place."""
    export, new = take_up(exporter, asked, restart=restart)
    exporter.tell(
        "the export is begun" if new else f"the export of {export.begun:%Y-%m-%d %H:%M} UTC goes on"
    )
    try:
        return export, wait_for(exporter, export)
    except RemoteRefused as refused:
        if refused.code == _FORBIDDEN:
            raise
        _forget(exporter, export)
        if new or refused.code not in GONE:
            raise RemoteRefused(f"{refused.message}: the server has given the export up") from None
    exporter.tell("the server has that export no more: another is begun")
    export, _ = take_up(exporter, asked)
    return export, wait_for(exporter, export)


def _forget(exporter: Exporter, export: Export) -> None:
    with writing(exporter.engine) as connection:
        known = exports.under_way(connection, export.source_id)
        if known is None or known.status_url != export.status_url:
            raise Conflict("somebody else has ended this export meanwhile")
        exports.forget(connection, export.source_id)


def _end(exporter: Exporter, export: Export, manifest: Manifest) -> None:
    """What was read counts; then the server is told that it may throw the files away.

    In this order: killed in between, an export stays at the server, which throws it away by itself some day.
    """
    source_id, asked = export.source_id, export.asked
    with writing(exporter.engine) as connection:
        if exporter.exported.complete and asked.group is None:
            catch_up.begin(connection, source_id, TURNS, exporter.clock())
            exporter.exported.moved = catch_up.reached(
                connection, source_id, export.types, asked.since, manifest.transaction_time
            )
            if asked.is_everything:
                patients.pasts_are_known(connection, source_id)
        exports.forget(connection, source_id)
    exporter.exported.not_ended = exporter.client.bulk.end(export.status_url)
