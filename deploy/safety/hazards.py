"""Read the hazard log, and write the page that people read.

From the top of the repository: `make safety`.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

LOG = Path(__file__).with_name("hazards.toml")
PAGE = Path(__file__).with_name("hazards.md")
HAND_OVER = "../hand-over.md"
ACCEPTED = 3
"""The greatest residual level that is accepted; it needs a reason, those below do not."""


@dataclass(frozen=True, slots=True)
class Risk:
    """How grave a harm is and how likely; both in the words of the matrix."""

    severity: str
    likelihood: str


@dataclass(frozen=True, slots=True)
class Control:
    """What the software does against a hazard."""

    does: str
    code: Sequence[str]
    """Modules, as paths from the top of the repository."""
    proof: Sequence[str]
    """Tests, as pytest's node ids; a file where all of it is the proof."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What only the site can do against a hazard."""

    does: str
    item: str
    """Of the hand-over: A1, B2, ..."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One thing that can go wrong."""

    id: str
    group: str
    title: str
    causes: Sequence[str]
    effect: str
    initial: Risk
    residual: Risk
    reason: str
    """Why the residual risk is accepted; empty where that goes without saying."""
    controls: Sequence[Control]
    duties: Sequence[Duty]


@dataclass(frozen=True, slots=True)
class Matrix:
    """How severity and likelihood make a level of risk, from 1 to 5."""

    source: str
    severities: Mapping[str, str]
    """By name, the least first: what it means."""
    likelihoods: Mapping[str, str]
    levels: Sequence[Sequence[int]]
    """A row for each likelihood, a column for each severity."""
    acceptance: Mapping[str, str]
    """By level."""

    def level(self, risk: Risk) -> int:
        """The level of that risk.

        Raises:
            ValueError: its severity or likelihood is none of the matrix.
        """
        row = self.levels[[*self.likelihoods].index(risk.likelihood)]
        return row[[*self.severities].index(risk.severity)]


@dataclass(frozen=True, slots=True)
class HazardLog:
    """All of it."""

    matrix: Matrix
    hazards: Sequence[Hazard]


def read(path: Path = LOG) -> HazardLog:
    """The log as it is written.

    Raises:
        KeyError, TypeError: something is missing, or is there that is not known.
        tomllib.TOMLDecodeError: it is no TOML.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    matrix = table["matrix"]
    return HazardLog(
        Matrix(
            matrix["source"],
            matrix["severity"],
            matrix["likelihood"],
            matrix["levels"],
            matrix["acceptance"],
        ),
        [_hazard(**each) for each in table["hazard"]],
    )


def _hazard(
    *,
    initial: Mapping[str, str],
    residual: Mapping[str, str],
    reason: str = "",
    control: Sequence[Mapping[str, Any]] = (),
    duty: Sequence[Mapping[str, Any]] = (),
    **told: Any,
) -> Hazard:
    return Hazard(
        **told,
        initial=Risk(**initial),
        residual=Risk(**residual),
        reason=reason,
        controls=[Control(**each) for each in control],
        duties=[Duty(**each) for each in duty],
    )


def page(log: HazardLog) -> str:
    """The log as Markdown."""
    return "\n".join(_page(log)) + "\n"


def _page(log: HazardLog) -> Iterator[str]:
    yield "# Hazard log"
    yield ""
    yield "<!-- Written by `make safety` from hazards.toml. -->"
    yield ""
    yield (
        "What can go wrong for a patient or a user, what stands against it, and the tests that prove it, in "
        "the spirit of ISO 14971:2019, DCB0129 and DCB0160. It is no certificate of any of them: severities "
        "and likelihoods are the makers' estimates, made without data of any site. **A clinical safety "
        "officer of yours has to go through them**; what the site has to do is in the "
        f"[hand-over]({HAND_OVER})."
    )
    yield ""
    yield from _matrix(log.matrix)
    yield "## At a glance"
    yield ""
    yield "| | hazard | initial | residual |"
    yield "|---|---|---|---|"
    for each in log.hazards:
        before, after = log.matrix.level(each.initial), log.matrix.level(each.residual)
        yield f"| [{each.id}](#{each.id.lower()}) | {each.title} | {before} | {after} |"
    for group, hazards in groupby(log.hazards, key=lambda each: each.group):
        yield ""
        yield f"## {group}"
        for each in hazards:
            yield ""
            yield from _told(each, log.matrix)


def _matrix(matrix: Matrix) -> Iterator[str]:
    yield "## Severity, likelihood, level"
    yield ""
    yield matrix.source
    yield ""
    yield f"| | {' | '.join(matrix.severities)} |"
    yield "|---|" + "---|" * len(matrix.severities)
    for name, row in reversed([*zip(matrix.likelihoods, matrix.levels, strict=True)]):
        yield f"| **{name}** | {' | '.join(map(str, row))} |"
    for meanings in (matrix.severities, matrix.likelihoods, matrix.acceptance):
        yield ""
        yield from (f"- **{name}**: {meaning}" for name, meaning in meanings.items())
    yield ""


def _told(hazard: Hazard, matrix: Matrix) -> Iterator[str]:
    yield f'### <a id="{hazard.id.lower()}"></a>{hazard.id}. {hazard.title}'
    yield ""
    yield from (f"- *Cause*: {each}" for each in hazard.causes)
    yield f"- *Effect*: {hazard.effect}"
    yield f"- *Initial risk*: {_risk(hazard.initial, matrix)}"
    yield f"- *Residual risk*: {_risk(hazard.residual, matrix)}"
    if hazard.reason:
        yield f"- *Why that is accepted*: {hazard.reason}"
    for control in hazard.controls:
        yield ""
        yield f"**Control**: {control.does}"
        yield ""
        yield f"- in {', '.join(map(_link, control.code))}"
        yield from (f"- proved by {_proved(each)}" for each in control.proof)
    for duty in hazard.duties:
        yield ""
        yield f"**The site** ([{duty.item}]({HAND_OVER}#{duty.item.lower()})): {duty.does}"


def _risk(risk: Risk, matrix: Matrix) -> str:
    return f"{risk.severity}, {risk.likelihood}: level {matrix.level(risk)}"


def _link(path: str) -> str:
    return f"[{path}](../../{path})"


def _proved(node: str) -> str:
    path, *names = node.split("::")
    return f"`{'::'.join(names)}` in {_link(path)}" if names else f"all of {_link(path)}"


if __name__ == "__main__":
    sys.stdout.write(page(read()))
