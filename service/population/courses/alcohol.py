"""Alcohol, and the scarred liver that it and others leave."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import PANEL, Measured, Story


def alcohol(story: Story) -> None:
    """AST above ALT, GGT high, large red cells."""
    chance = story.chance
    onset = chance.randint(380, 1200)
    story.panel = PANEL
    agos = visits.between(onset, visits.lately(chance), visits.any_pattern(chance), chance)
    story.see(agos)
    story.level(Analyte.ALT, (onset, 1.2), (0, chance.uniform(1.1, 1.4)))
    height = chance.uniform(2.8, 4.2)
    story.level(Analyte.AST, (onset, height), (0, height * chance.uniform(0.9, 1.1)))
    story.level(Analyte.GGT, (onset, chance.uniform(3, 6)), (0, chance.uniform(3, 9)))
    story.level(Analyte.PLATELETS, (onset, 1.4), (0, chance.uniform(0.8, 1.3)))
    for ago in agos[-2:]:
        story.measured.append(_red_cells(ago, chance.uniform(99, 109)))
    if story.often(0.7):
        story.measure("audit-c", "AUDIT-C", chance.randint(5, 200), chance.randint(6, 12), "{score}")
    if story.often(0.6):
        story.has("alcohol-use-disorder", "Alcohol use disorder", chance.randint(400, 4000))


def alcohol_given_up(story: Story) -> None:
    """The same until somebody stopped drinking: normal within months."""
    chance = story.chance
    last = visits.lately(chance)
    story.see(visits.between(900, last + 260, visits.ROUTINE, chance))
    story.see([last + 110, last + 50, last])
    story.level(Analyte.AST, (900, 3.0), (last + 260, 2.6), (last + 120, 0.6), (0, 0.55))
    story.level(Analyte.ALT, (900, 1.5), (last + 260, 1.4), (last + 120, 0.5), (0, 0.5))
    story.level(Analyte.GGT, (900, 6.0), (last + 260, 5.0), (last + 120, 0.7), (0, 0.6))
    story.has("alcohol-use-disorder", "Alcohol use disorder", 2000)
    story.measure("audit-c", "AUDIT-C", last + 260, 9, "{score}")


def cirrhosis(story: Story) -> None:
    """Platelets and albumin fall from year to year; in some the liver begins to fail."""
    chance = story.chance
    onset = chance.randint(800, 1500)
    failing = story.often(0.3)
    story.panel = PANEL
    story.see(
        visits.between(onset, visits.lately(chance), (100, 180), chance),
        Analyte.INR,
        Analyte.DIRECT_BILIRUBIN,
    )
    story.level(Analyte.AST, (onset, 1.7), (0, chance.uniform(1.8, 2.5)))
    story.level(Analyte.ALT, (onset, 1.4), (0, chance.uniform(1.2, 1.6)))
    story.level(Analyte.GGT, (0, chance.uniform(1.5, 4)))
    story.level(Analyte.PLATELETS, (onset, 1.05), (0, chance.uniform(0.4, 0.65)))
    story.level(Analyte.ALBUMIN, (onset, 1.1), (0, chance.uniform(0.75, 0.88)))
    story.level(Analyte.INR, (onset, 0.95), (120, 1.05), (0, 1.45 if failing else 1.08))
    story.level(Analyte.TOTAL_BILIRUBIN, (onset, 0.7), (120, 1.2), (0, 2.6 if failing else 1.3))
    story.beside(Analyte.DIRECT_BILIRUBIN, Analyte.TOTAL_BILIRUBIN, 2.0)
    story.has("cirrhosis", "Cirrhosis of liver", chance.randint(300, 1400))
    if story.often(0.6):
        story.examine("Ultrasound of the liver", chance.randint(10, 180))
    if story.often(0.5):
        story.has("alcohol-use-disorder", "Alcohol use disorder", onset + 1500)
    if story.often(0.5):
        story.examine("Liver elastography (FibroScan)", chance.randint(30, 360))


def _red_cells(ago: int, volume: float) -> Measured:
    """Mean cell volume: laboratories send it, this service does not read it."""
    return Measured(None, "MCV", ago, round(volume, 1), "fL")
