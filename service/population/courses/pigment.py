"""Bilirubin alone."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import PANEL, Story


def gilbert(story: Story) -> None:
    """Gilbert syndrome: bilirubin raised for years, unconjugated, with normal enzymes."""
    chance = story.chance
    agos = visits.between(
        chance.randint(400, 1200), visits.lately(chance), visits.any_pattern(chance), chance
    )
    story.see(agos, Analyte.DIRECT_BILIRUBIN, instead=PANEL)
    story.level(
        Analyte.TOTAL_BILIRUBIN, *((ago, chance.uniform(1.6, 2.3)) for ago in sorted(set(agos), reverse=True))
    )
    story.beside(Analyte.DIRECT_BILIRUBIN, Analyte.TOTAL_BILIRUBIN, 0.45)
    story.level(Analyte.ALT, (0, 0.5))
    if story.often(0.4):
        story.has("gilbert-syndrome", "Gilbert syndrome", chance.randint(100, 1000))
