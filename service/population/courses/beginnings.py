"""Pregnancy and childhood."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import PANEL, Story


def pregnancy(story: Story) -> None:
    """Tested in each third of a pregnancy, all normal but the ALP that the placenta makes."""
    begun = _expecting(story, 100, 270)
    story.level(Analyte.ALP, (begun, 0.6), (0, 1.3))


def pregnancy_raised(story: Story) -> None:
    """ALT rises late in pregnancy: pre-eclampsia must be thought of."""
    begun = _expecting(story, 200, 250)
    story.level(Analyte.ALT, (begun - 120, 0.5), (0, story.chance.uniform(4.2, 6.5)))
    story.beside(Analyte.AST, Analyte.ALT, 0.9)


def child(story: Story) -> None:
    """A child: ALT sometimes raised, an ALP as growing bone makes it; the rules are for adults."""
    chance = story.chance
    story.see(visits.between(chance.randint(250, 700), visits.lately(chance), visits.SPARSE, chance))
    story.level(Analyte.ALT, (700, chance.uniform(0.4, 0.9)), (0, chance.uniform(0.5, 2.2)))
    growing = 0.6 if story.person.laboratory.prints_ranges else 1.9
    story.level(Analyte.ALP, (0, growing))


def _expecting(story: Story, least: int, most: int) -> int:
    begun = story.chance.randint(least, most)
    last = story.chance.randint(1, 6)
    story.panel = PANEL
    story.see([begun + 400, begun - 40, (begun - 40 + last) // 2, last])
    story.has("pregnancy", "Pregnancy", begun)
    return begun
