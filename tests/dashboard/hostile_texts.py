"""Texts that try to become more than text, and a record in which each stands wherever one can."""

from typing import Any

from tests.liver_files import LOINC, PERSISTENT, person, result

CORPUS = (
    "<script>alert(hostile=1)</script>",
    "</title></style></textarea></select><script>alert(hostile=1)</script>",
    '"><img src=//canary.test/x onerror=alert(hostile=1)>',
    "'><svg/onload=alert(hostile=1)>",
    '" autofocus onfocus="alert(hostile=1)',
    "' style='position:fixed' x='",
    "javascript:alert(hostile=1)",
    "{{ 7*7 }}{% raw %}<b>",
    "&lt;script&gt;alert(hostile=1)&lt;/script&gt;",
    "<!--><script>alert(hostile=1)</script>-->",
    "]]><script>alert(hostile=1)</script>",
    "<a href='javascript:alert(hostile=1)' hx-get='/rules' hx-trigger='load'>x</a>",
    "<iframe srcdoc='<script>alert(hostile=1)</script>'>",
    "<math><mtext><table><mglyph><style><img src=//canary.test/x onerror=alert(hostile=1)>",
    "\u202e<script>\u2066",
)
HARMLESS = "Plain words"


def record(text: str, patient: str = "p1") -> list[Any]:
    """A patient in whose every text that is read stands `text`."""
    said = {"text": text, "coding": [{"display": text, "code": "x", "system": f"urn:{text}"}]}
    test = {"text": text, "coding": [{"system": "http://loinc.org", "code": LOINC["ALT"], "display": text}]}
    div = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    subject = {"reference": f"Patient/{patient}", "display": text}
    noted: dict[str, Any] = {"note": [{"text": text}], "text": div, "subject": subject}
    who = person(
        patient,
        name=[{"family": text, "given": [text, text]}, {"text": text}],
        identifier=[{"system": f"urn:{text}", "value": text}],
        text=div,
    )
    results = [result(f"{patient}-{day}", patient, day, **noted, code=test) for day in PERSISTENT]
    unreadable = [
        result(id_, patient, "2024-09-04", valueQuantity={"value": 1, "unit": text}, **noted)
        for id_ in (f"{patient}-odd", text)
    ]
    begun = {"onsetDateTime": "2020-01-01"}
    alcohol = {"text": f"alcohol dependence {text}"}
    conditions = [
        {"resourceType": "Condition", "id": f"{patient}-{number}", "code": code, **begun, **noted}
        for number, code in enumerate((alcohol, said))
    ]
    drug = {
        "resourceType": "MedicationStatement",
        "id": f"{patient}-drug",
        "status": "active",
        "medicationCodeableConcept": {"text": f"isoniazid {text}"},
        "effectivePeriod": {"start": "2023-12-01"},
        **noted,
    }
    return [who, *conditions, drug, *results, *unreadable]
