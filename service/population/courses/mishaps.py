"""What goes wrong between the tube and the record."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import Mishap, Slip, Story


def corrected(story: Story) -> None:
    """A mistyped ALT, corrected the same evening."""
    _with(story, Slip.CORRECTED, story.chance.uniform(8, 12))


def retracted(story: Story) -> None:
    """An ALT from an exchanged tube, retracted the same evening."""
    _with(story, Slip.RETRACTED, story.chance.uniform(20, 45))


def unusable(story: Story) -> None:
    """A result that cannot be used, beside normal ones: it waits in quarantine."""
    _with(story, story.chance.choice((Slip.UNKNOWN_UNIT, Slip.IMPOSSIBLE, Slip.NO_ZONE)), 0.6)


def _with(story: Story, slip: Slip, multiple: float) -> None:
    chance = story.chance
    last = visits.lately(chance)
    story.see(visits.between(last + chance.randint(300, 800), last, visits.ROUTINE, chance))
    story.mishaps.append(Mishap(slip, Analyte.ALT, last + chance.randint(20, 90), multiple))
