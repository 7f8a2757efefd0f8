"""A made-up population of laboratory results, the same for the same seed: what benchmarks measure with.

It stays beside `service.population`, whose people are more like real ones: here everybody has as many results
as the next, all of one size, so that what is measured does not change with what the demonstration shows.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from service.clinical.analytes import LOINC, Analyte

_PANEL = {
    Analyte.ALT: ("1742-6", "U/L", 33, 24.0),
    Analyte.AST: ("1920-8", "U/L", 40, 25.0),
    Analyte.ALP: ("6768-6", "U/L", 120, 75.0),
    Analyte.TOTAL_BILIRUBIN: ("1975-2", "mg/dL", 1.2, 0.6),
}
_START = datetime(2019, 1, 7, 8, 30, tzinfo=UTC)


def observations(patients: int, panels: int, seed: int = 1) -> Iterator[bytes]:
    """Observations as an EHR sends them, about 1.1 KB each: `panels` visits of four tests for each patient.

    A tenth of the patients are elevated throughout and another tenth rises, so that judging has work to do.
    """
    chance = random.Random(seed)
    for number in range(patients):
        kind = chance.random()
        for panel in range(panels):
            taken = _START + timedelta(days=panel * 95 + chance.randrange(20), minutes=chance.randrange(600))
            height = 2.4 if kind < 0.1 else 1.0 + 0.6 * panel if kind < 0.2 else 1.0
            for analyte, (code, unit, limit, typical) in _PANEL.items():
                value = round(typical * height * chance.lognormvariate(0, 0.12), 1)
                yield _observation(
                    f"o{seed}-{number}-{panel}-{analyte}",
                    f"p{seed}-{number}",
                    code,
                    unit,
                    limit,
                    value,
                    taken,
                )


def _observation(
    identity: str, patient: str, code: str, unit: str, limit: float, value: float, taken: datetime
) -> bytes:
    quantity = {"unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
    stamp = taken.isoformat()
    resource = {
        "resourceType": "Observation",
        "id": identity,
        "meta": {
            "versionId": "1",
            "lastUpdated": stamp,
            "profile": ["http://hl7.org/fhir/StructureDefinition/Observation"],
        },
        "identifier": [{"system": "urn:laboratory:results", "value": identity}],
        "status": "final",
        "category": [{"coding": [category], "text": "Laboratory"}],
        "code": {
            "coding": [{"system": LOINC, "code": code, "display": "a liver test"}],
            "text": "a liver test",
        },
        "subject": {"reference": f"Patient/{patient}", "display": "Somebody"},
        "encounter": {"reference": f"Encounter/e-{patient}"},
        "performer": [{"reference": "Organization/laboratory", "display": "The laboratory"}],
        "effectiveDateTime": stamp,
        "issued": stamp,
        "valueQuantity": {"value": value, **quantity},
        "referenceRange": [{"high": {"value": limit, **quantity}, "text": f"up to {limit} {unit}"}],
    }
    return json.dumps(resource, separators=(",", ":")).encode()
