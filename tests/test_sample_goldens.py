"""What is written to the EHR for each sample history, byte for byte as it was reviewed.

After a change that is meant, write the files anew and read what `git diff` shows:

    LIVERWATCH_WRITE_GOLDEN=1 pytest tests/test_sample_goldens.py
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import Engine

from service.clinical.rulebook import load_rulebook
from service.deliver.letters import read_letter
from service.fhir import names
from service.fhir.bundles import decode_bundle
from service.fhir.changes import Known
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming
from service.fhir.outgoing import validate_outgoing
from service.fhir.strict_json import check_json
from service.ingest import Delivery, Rules, take
from service.store import alerts, sources
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source

SAMPLES = Path(__file__).parent.parent / "fhir_samples"
VIGNETTES = sorted(path.parent.name for path in SAMPLES.glob("*/feed") if path.parent.name != "demo")
WRITE = os.environ.get("LIVERWATCH_WRITE_GOLDEN") == "1"
RULEBOOK = load_rulebook()
NAMES = UUID("6b7c2f0e-3a1d-5e4f-8a9b-0c1d2e3f4a5b")
"""Alerts get their ids at random: here each is named by its vignette and family instead."""

every_vignette = pytest.mark.parametrize("vignette", VIGNETTES)


def received(file: Path, source: Source) -> list[Incoming]:
    raw = check_json(file.read_bytes())
    if "entry" in json.loads(raw):
        return decode_bundle(raw, source=source.name, zone=source.zone, rulebook=RULEBOOK)
    return [decode_resource(raw, source=source.name, zone=source.zone, rulebook=RULEBOOK)]


def settings_of(vignette: str) -> SourceSettings:
    """As its `source.json` sets them, where it has one."""
    file = SAMPLES / vignette / "source.json"
    return msgspec.json.decode(file.read_bytes() if file.exists() else b"{}", type=SourceSettings)


def played(vignette: str, engine: Engine) -> None:
    """Everything that the vignette's feed brings, file by file, judged as of its newest result."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with writing(engine) as connection:
        source = sources.add(connection, "samples", settings_of(vignette), "secret", now)
    for file in sorted((SAMPLES / vignette / "feed").glob("*.json")):
        take(
            engine,
            [Delivery(source, received(file, source), now, "feed")],
            Rules(RULEBOOK, clock="data"),
            now,
        )


def served(named: UUID, key: str) -> str:
    """A reference to what an alert of that name has in the EHR, as if it had our ids there."""
    kind, _, step = key.partition("/")
    return f"{kind}/{named}-{step}".rstrip("-")


def held_by_the_ehr(vignette: str, engine: Engine) -> dict[str, Any]:
    """What the EHR must hold at the end, by file name."""
    held: dict[str, Any] = {}
    with reading(engine) as connection:
        query = alerts.select_content()
        for alert in (alerts.decode(str(text)) for text in connection.execute(query).scalars()):
            letter = read_letter(connection, alert.id, software="", rulebook_digest="")
            named = uuid5(NAMES, f"{vignette}/{alert.family}")
            letter = replace(letter, alert=replace(letter.alert, id=named))
            public_url = "https://liverwatch.example"
            wanted = letter.wanted("Device/liverwatch", public_url, RULEBOOK.version, Known())
            for resource in wanted.encode(partial(served, named)):
                kind, _, step = names.key_of(resource).partition("/")
                parts = (alert.family, *(["task"] if kind == "Task" else []), *([step] if step else []))
                held[f"{'-'.join(parts)}.json"] = resource
    return held


def pretty(resource: Mapping[str, Any]) -> str:
    return json.dumps(resource, indent=2, ensure_ascii=False) + "\n"


@pytest.fixture
def held(vignette: str, sqlite_url: str) -> dict[str, Any]:
    engine = open_engine(sqlite_url, durable=False)
    try:
        played(vignette, engine)
        return held_by_the_ehr(vignette, engine)
    finally:
        engine.dispose()


@every_vignette
def test_what_is_written_to_the_ehr_is_what_was_reviewed(vignette: str, held: dict[str, Any]) -> None:
    folder = SAMPLES / vignette / "expected"
    if WRITE:
        for old in folder.glob("*.json"):
            old.unlink()
        for name, resource in held.items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(pretty(resource), encoding="utf-8")
    reviewed = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    assert {name: pretty(resource) for name, resource in held.items()} == reviewed


@every_vignette
@pytest.mark.usefixtures("vignette")
def test_what_is_written_to_the_ehr_is_valid_fhir(held: dict[str, Any]) -> None:
    for resource in held.values():
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        validate_outgoing(resource)
