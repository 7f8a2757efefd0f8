"""What the demo plays: the script and the resources of `fhir_samples/`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import service
from service.errors import ConfigurationError

Resource = dict[str, Any]


class Expected(NamedTuple):
    """A DetectedIssue that the EHR must hold."""

    patient: str
    family: str
    status: str
    severity: str


@dataclass(frozen=True, slots=True)
class File:
    """Something that comes in at the EHR."""

    name: str
    body: bytes

    @property
    def resources(self) -> list[Resource]:
        """The resources in it, out of their Bundle."""
        content = json.loads(self.body)
        return [entry["resource"] for entry in content["entry"]] if "entry" in content else [content]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story."""

    number: int
    says: str
    patient: str | None
    """Whom it is about; None: everybody."""
    incident: str | None
    files: Sequence[File]
    expected: Sequence[Expected]
    """Every DetectedIssue of that patient the EHR must hold afterwards."""


@dataclass(frozen=True, slots=True)
class Script:
    """The story and how it must end."""

    clock: Literal["system", "data"]
    steps: Sequence[Step]
    expected: Sequence[Expected]
    """Every DetectedIssue the EHR must hold at the end."""


def samples_directory() -> Path:
    """Beside the package in a checkout, inside it in an installed wheel.

    Raises:
        ConfigurationError: it is in neither place.
    """
    package = Path(service.__file__).parent
    for path in (package / "fhir_samples", package.parent / "fhir_samples"):
        if (path / "demo" / "script.json").is_file():
            return path
    raise ConfigurationError("the sample histories (fhir_samples/) are not installed with this program")


def read_script(folder: Path | None = None) -> Script:
    """The demo's script with everything it plays.

    Args:
        folder: `fhir_samples/`; found by itself when not given.

    Raises:
        ConfigurationError: there is none.
    """
    samples = folder or samples_directory()
    script = json.loads((samples / "demo" / "script.json").read_bytes())
    end = json.loads((samples / "demo" / "expected.json").read_bytes())
    steps = [_step(each, samples) for each in script["steps"]]
    return Script(script["clock"], steps, _expected(end["detected_issues"]))


def _step(said: Mapping[str, Any], samples: Path) -> Step:
    files = [File(name, (samples / name).read_bytes()) for name in said["push"]]
    patient, incident = said.get("patient"), said.get("incident")
    return Step(said["number"], said["says"], patient, incident, files, _expected(said["then"]))


def _expected(issues: Sequence[Mapping[str, str]]) -> list[Expected]:
    return [Expected(each["patient"], each["family"], each["status"], each["severity"]) for each in issues]
