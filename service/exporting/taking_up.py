"""An export is begun, or one that broke off is gone on with."""

from service.errors import ConfigurationError, Conflict
from service.exporting.exporter import Exporter
from service.fhir.bulk_export import Wanted
from service.fhir.queries import ASKED_FOR
from service.store import exports
from service.store.exports import Asked, Export
from service.store.session import reading, writing


def take_up(exporter: Exporter, asked: Asked, *, restart: bool = False) -> tuple[Export, bool]:
    """Go on with the export that is under way, or begin one.

    Args:
        exporter: what it takes.
        asked: what is to be exported.
        restart: give up the one that is under way, whatever it is of.

    Returns:
        The export, and whether it is new.

    Raises:
        Conflict: one is under way that was asked for otherwise.
        ConfigurationError: a type is none that is read.
        RemoteError: the server does not export, or does not answer.
    """
    with reading(exporter.engine) as connection:
        known = exports.under_way(connection, exporter.source.id)
    if known is not None and not restart:
        if known.asked != asked:
            raise Conflict(
                f"an export of {_in_words(known.asked)} is not done, begun {known.begun:%Y-%m-%d %H:%M} UTC: "
                "go on with it by the command that began it, or give it up with --restart"
            )
        return known, False
    types = _types(exporter, asked)
    if known is not None:
        exporter.client.bulk.end(known.status_url)
    begun = exporter.client.bulk.begin(Wanted(types, asked.since, asked.group))
    export = Export(exporter.source.id, asked, types, begun.status_url, exporter.clock())
    with writing(exporter.engine) as connection:
        exports.begin(connection, export)
    return export, True


def _types(exporter: Exporter, asked: Asked) -> tuple[str, ...]:
    """The types to ask for: those named, or those read here that the server has."""
    strange = [each for each in asked.types if each not in ASKED_FOR]
    if strange:
        raise ConfigurationError(f"--type: {strange[0]!r} is none of {', '.join(ASKED_FOR)}")
    if asked.types:
        return tuple(each for each in ASKED_FOR if each in asked.types)
    offered = exporter.client.capabilities().interactions
    return tuple(each for each in ASKED_FOR if not offered or each in offered)


def _in_words(asked: Asked) -> str:
    what = " and ".join(asked.types) or "everything"
    whose = f" of Group {asked.group}" if asked.group else ""
    return what + whose + (f" since {asked.since:%Y-%m-%d %H:%M} UTC" if asked.since else "")
