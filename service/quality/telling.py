"""What came of making decisions again, and what was known on a day, as `--json` writes it and as lines."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from service.clinical.saying import analyte_in_words, quantity
from service.fhir import wording
from service.quality.knowledge import Knowledge
from service.quality.replaying import Replay


def verdict(replay: Replay) -> str:
    """`identical`, or in what way it is not."""
    if replay.assessment is None:
        return "not made again: what it was made on is not all there"
    return "identical" if replay.identical else "differs"


def as_object(replay: Replay) -> dict[str, Any]:
    """One decision, made again."""
    recorded = replay.recorded
    made = recorded.made
    return {
        "decision": recorded.id,
        "patient": replay.patient,
        "at": made.at,
        "as_of": made.as_of,
        "identical": replay.identical,
        "verdict": verdict(replay),
        "release": made.code_version,
        "this_release": replay.release,
        "rulebook": made.rulebook_digest,
        "settings": made.settings_digest,
        "outcome": made.outcome_digest,
        "differences": [each._asdict() for each in replay.differences],
        "damage": list(replay.damage),
    }


def lines(replay: Replay) -> Iterator[str]:
    """The same, a line for each thing that is to be said."""
    made = replay.recorded.made
    when = f"of {_instant(made.at)}, as of {_instant(made.as_of)}"
    yield f"decision {replay.recorded.id} {when}: {verdict(replay)}"
    yield f"  on /patients/{replay.patient}"
    if replay.other_release:
        yield f"  made by release {made.code_version}; this is release {replay.release}"
    for each in replay.damage:
        yield f"  {each}"
    for where, before, after in replay.differences:
        yield wording.printable(f"  {where}: {before or 'nothing'} -> {after or 'nothing'}")


def knowledge_as_object(known: Knowledge) -> dict[str, Any]:
    """What was known of one person."""
    record = known.replay.record
    return {
        "replay": as_object(known.replay),
        "rulebook_version": known.rulebook.version if known.rulebook else None,
        "missing": list(known.missing),
        "sex": record.sex if record else None,
        "birth_date": record.birth_date if record else None,
        "deceased": record.deceased if record else None,
        "results": [
            {
                "resource": result.key.resource,
                "analyte": result.analyte,
                "day": result.day,
                "value": f"{result.comparator.value}{quantity(result.analyte, result.value)}",
                "preliminary": result.preliminary,
            }
            for result in sorted(record.results if record else (), key=lambda one: (one.day, one.key))
        ],
        "conditions": [each.text for each in record.conditions] if record else [],
        "medications": [each.text for each in record.medications] if record else [],
        "alerts": [
            {
                "headline": wording.headline(alert)[1],
                "family": alert.family,
                "tier": alert.tier.name.lower(),
                "state": alert.state,
                "owner": alert.owner,
                "onset": alert.episode.onset,
                "why": wording.why(alert),
            }
            for alert in known.alerts
        ],
    }


def knowledge_lines(known: Knowledge) -> Iterator[str]:
    """The same, a line for each thing that is to be said."""
    yield from lines(known.replay)
    yield from (f"  {each}" for each in known.missing)
    record = known.replay.record
    if record is None or known.rulebook is None:
        return
    born = f"born {record.birth_date}" if record.birth_date else "birth date not known"
    yield f"rulebook {known.rulebook.version}; {record.sex or 'sex not known'}, {born}"
    for result in sorted(record.results, key=lambda one: (one.day, one.key)):
        value = f"{result.comparator.value}{quantity(result.analyte, result.value)}"
        yield wording.printable(f"  {result.day} {analyte_in_words(result.analyte)} {value}")
    if not known.alerts:
        yield "no alert"
    for alert in known.alerts:
        yield wording.printable(f"{alert.tier.name.lower()}, {alert.state}: {wording.headline(alert)[1]}")
        yield from (wording.printable(f"  {line}") for line in wording.why(alert))


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
