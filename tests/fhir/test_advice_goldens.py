"""What each advice says in each language, byte for byte as it was reviewed.

After a change that is meant, write the files anew and read what `git diff` shows:

    LIVERWATCH_WRITE_GOLDEN=1 pytest tests/fhir/test_advice_goldens.py
"""

import json
import os
from pathlib import Path

import pytest

from service.alerts.alert import Alert
from service.fhir.encode_requests import encode_requests
from service.fhir.encode_tasks import encode_tasks
from service.fhir.outgoing import validate_outgoing
from service.languages import LOCALES, words_in
from tests.fhir.alert_examples import advising, alert, urgent
from tests.fhir.test_encode_advice import ADVICE, TO

REVIEWED = Path(__file__).parent / "advice"
WRITE = os.environ.get("LIVERWATCH_WRITE_GOLDEN") == "1"


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize(
    ("occasion", "given"),
    [("routine", advising(alert(), *ADVICE)), ("urgent", advising(urgent(), *ADVICE))],
    ids=["routine", "urgent"],
)
def test_advice_says_what_was_reviewed(language: str, occasion: str, given: Alert) -> None:
    made = encode_requests(given, TO, words_in(language), with_id=True)
    tasks = encode_tasks(given, made, TO, lambda key: key.replace("/", "/our-"), with_id=True)
    folder = REVIEWED / language / occasion
    told = {f"{name}.json": made[name] for name in ADVICE}
    told |= {f"task-{name}.json": tasks[name] for name in ADVICE[:1]}
    for name, resource in told.items():
        validate_outgoing(resource)
        text = json.dumps(resource, indent=2, ensure_ascii=False) + "\n"
        if WRITE:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        assert (folder / name).read_text(encoding="utf-8") == text
    assert {file.name for file in folder.glob("*.json")} == told.keys()
