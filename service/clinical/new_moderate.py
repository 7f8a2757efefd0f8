"""A first moderate elevation of ALT or AST: an alert at once, instead of after six months (clinical.md §8).

"First" is the first day-value of its analyte, within one episode, in the band moderate or above. It is said
only where nothing else says it: on a day on which persistence, worsening or an urgent rule alerts for the
same analyte as soon or sooner, that finding tells of the level already, and none of the later ones is the
first any more. So a level reached by a slow rise that is no worsening (4.9, then 5.1 times the limit) is not
missed, and one that is worsening is not told twice. ALP, GGT and bilirubin have no bands: of a moderate level
they ask for an earlier recheck only.
"""

from service.clinical.analytes import Analyte
from service.clinical.bands import Band, band
from service.clinical.day_values import DayValue
from service.clinical.episodes import Kind
from service.clinical.held import Held
from service.clinical.rulebook import Rulebook

NEW_MODERATE = "new-moderate-elevation"
BANDED = (Analyte.ALT, Analyte.AST)
"""The analytes that have bands."""


def new_moderate(value: DayValue, rulebook: Rulebook) -> Held | None:
    """Whether the elevated ALT or AST `value` is moderate or above; the caller knows whether it is the first.

    A severe value is met by an urgent rule as well, as long as both limits are those of the rulebook.
    """
    reached = band(value.value, value.limit, rulebook.rules.bands)
    if reached < Band.MODERATE:
        return None
    return Held(
        kind=Kind.NEW_MODERATE,
        reason=NEW_MODERATE,
        value=value,
        first=value.day,
        tier=rulebook.rules.tiers.new_moderate,
        facts=(value, reached),
        evidence=(value,),
    )
