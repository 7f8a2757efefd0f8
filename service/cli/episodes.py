"""`episodes`: what every record says, whether or not it raises an alert."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, say_json_list, table
from service.cli.naming import note_listed
from service.cli.opening import AsOf, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from service.assessments import Assessed


def episodes(
    patient: Annotated[str | None, typer.Option(help="Only the patient of this id in the EHR.")] = None,
    source: Annotated[str | None, typer.Option(help="Only patients of this source.")] = None,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """List every finding of every patient: persistent, intermittent, worsening, moderate, urgent, overdue.

    They are worked out anew from the stored results by today's rules; nothing is changed.
    """
    from service.assessments import assessments

    settings = settings_of(clock)
    at = now()
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        note_listed(engine, "read-episodes", patient, source)
        found = (
            each
            for assessed in assessments(engine, rules, at, source=source, patient=patient)
            for each in findings(assessed)
        )
        if as_json:
            say_json_list(found)
            return
        columns = ("patient", "source", "analyte", "kind", "first", "met", "last", "tier", "reasons")
        rows = ([*(each[name] for name in columns[:-1]), _reasons(each)] for each in found)
        table(columns, rows)


def _reasons(finding: dict[str, Any]) -> str:
    named = ", ".join(finding["reasons"])
    return f"{named} (no alert: {finding['suppressed']})" if finding["suppressed"] else named


def findings(assessed: "Assessed") -> Iterator[dict[str, Any]]:
    """One object a finding."""
    for episode in assessed.assessment.episodes:
        for finding in episode.findings:
            yield {
                "patient": assessed.rows[0].fhir_id,
                "source": assessed.source,
                "family": episode.family.value,
                "analyte": finding.analyte.value,
                "kind": finding.kind.value,
                "first": finding.first,
                "met": finding.met,
                "last": finding.last,
                "reasons": [reason.name for reason in finding.reasons],
                "tier": finding.tier.name.lower(),
                "suppressed": finding.suppressed.value if finding.suppressed else None,
                "alerts_from": finding.alerts_from,
                "due": finding.recheck.due if finding.recheck else None,
                "onset": episode.onset,
                "resolved": episode.resolved,
                "dormant": episode.dormant,
                "notes": list(finding.notes),
            }
