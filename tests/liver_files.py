"""Files of FHIR resources for the tests of loading and of the command line."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNITS = "http://unitsofmeasure.org"
LOINC = {"ALT": "1742-6", "AST": "1920-8", "ALP": "6768-6", "bilirubin": "1975-2"}
PERSISTENT = ("2024-01-10", "2024-03-12", "2024-06-11", "2024-09-03")
"""Days of four results that span more than six months."""


def result(id_: str, patient: str, day: str, value: Any = 80, analyte: str = "ALT", **more: Any) -> Any:
    """A final result in U/L with the laboratory's range up to 40."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "meta": {"versionId": "1", "lastUpdated": f"{day}T10:00:00Z"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[analyte]}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"{day}T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "U/L", "system": UNITS, "code": "U/L"},
        "referenceRange": [{"high": {"value": 40, "unit": "U/L", "system": UNITS, "code": "U/L"}}],
        **more,
    }


def in_mg_per_dl(value: Any, limit: Any) -> dict[str, Any]:
    """Value and range of a result that is not in U/L, for `more` of :func:`result`."""
    unit = {"unit": "mg/dL", "system": UNITS, "code": "mg/dL"}
    return {
        "valueQuantity": {"value": value, **unit},
        "referenceRange": [{"high": {"value": limit, **unit}}],
    }


def persistent(patient: str, value: Any = 80) -> list[Any]:
    """A patient with an ALT elevated for more than six months: one routine alert."""
    return [result(f"{patient}-{day}", patient, day, value) for day in PERSISTENT]


def person(id_: str, **more: Any) -> Any:
    """A Patient, a woman born in 1970."""
    return {"resourceType": "Patient", "id": id_, "gender": "female", "birthDate": "1970-05-05", **more}


def called(family: str, given: str) -> Any:
    """What stands as a Patient's name."""
    return [{"family": family, "given": [given]}]


def bundle(resources: Iterable[Any]) -> Any:
    """A collection Bundle."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in resources],
    }


def write_lines(path: Path, resources: Iterable[Any]) -> Path:
    """An NDJSON file: a text stands as it is, anything else as JSON; compressed where its name says so."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in resources)
    return write(path, "".join(f"{line}\n" for line in lines).encode())


def write(path: Path, content: bytes) -> Path:
    """A file of these bytes, compressed where the name ends in .gz."""
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path
