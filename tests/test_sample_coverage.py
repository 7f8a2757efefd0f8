"""The samples show all that the catalogues hold: each cause leads somewhere, each step is proposed somewhere.

What a new entry of a catalogue does is read in a sample before it is believed.
"""

import json
from functools import cache

import pytest

from service.clinical.advice import paragraphs
from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family
from service.clinical.recommendations import orderables
from tests.test_sample_goldens import SAMPLES, VIGNETTES
from tests.test_sample_outcomes import at_end

GOLDENS = sorted(SAMPLES.glob("*/expected/*.json"))


@cache
def leading() -> frozenset[CauseName]:
    """The causes for which, in some alert, the record says as much as for any other, and something at all."""
    plans = [alert.episode.plan for vignette in VIGNETTES for alert in at_end(vignette).standing()]
    most = [max((len(cause.speaks_for) for cause in plan.causes), default=0) for plan in plans]
    return frozenset(
        cause.name
        for plan, highest in zip(plans, most, strict=True)
        for cause in plan.causes
        if 0 < len(cause.speaks_for) == highest
    )


@cache
def proposed() -> frozenset[str]:
    """The steps of all goldens that are not revoked; `transaminase-liver-ultrasound.json` is of one."""
    families = tuple(f"{family.value}-" for family in Family)
    names = [
        golden.stem
        for golden in GOLDENS
        if golden.stem.startswith(families)
        and json.loads(golden.read_text(encoding="utf-8"))["status"] == "active"
    ]
    return frozenset(
        name.removeprefix(family) for name in names for family in families if name.startswith(family)
    )


@cache
def advice() -> str:
    """All that patients and prescribers read in the goldens."""
    read = (json.loads(golden.read_text(encoding="utf-8")) for golden in GOLDENS)
    return "\n".join(
        part["contentString"]
        for resource in read
        if resource["resourceType"] == "CommunicationRequest"
        for part in resource.get("payload", ())
    )


@pytest.mark.parametrize("cause", CauseName)
def test_every_cause_leads_the_candidates_of_a_sample(cause: CauseName) -> None:
    assert cause in leading()


@pytest.mark.parametrize("step", orderables())
def test_every_step_is_proposed_in_a_sample(step: str) -> None:
    assert step in proposed()


@pytest.mark.parametrize("paragraph", paragraphs())
def test_every_paragraph_of_advice_is_read_in_a_sample(paragraph: str) -> None:
    assert paragraphs()[paragraph].text.partition("{recheck}")[0] in advice()
