"""Fat and iron in the liver: elevations that are mild and last for years."""

from service.clinical.analytes import Analyte
from service.clinical.results import Progress
from service.population import visits
from service.population.story import PANEL, Story


def fatty_liver(story: Story) -> None:
    """MASLD: ALT mildly raised for a year or more, above AST."""
    chance = story.chance
    onset = chance.choice((chance.randint(205, 300), chance.randint(400, 1300), chance.randint(400, 1300)))
    last = visits.lately(chance) if onset > 300 else chance.randint(1, 12)
    story.panel = PANEL if story.often(0.8) else story.panel
    story.see(visits.between(onset, last, visits.any_pattern(chance), chance))
    height = chance.uniform(1.5, 2.6)
    story.level(Analyte.ALT, (onset, height), (0, height * chance.uniform(0.9, 1.1)))
    story.beside(Analyte.AST, Analyte.ALT, chance.uniform(0.5, 0.7))
    story.level(Analyte.GGT, (0, chance.uniform(0.7, 1.8)))
    _weight(story, onset)
    if story.often(0.4):
        story.examine("Ultrasound of the liver", chance.randint(20, 330))
    if story.often(0.15):
        story.examine("Liver elastography (FibroScan)", chance.randint(10, 300))
    elif story.often(0.1):
        story.examine("Liver elastography (FibroScan)", chance.randint(1, 40), Progress.ORDERED)


def fatty_liver_progressing(story: Story) -> None:
    """MASLD that grows worse from visit to visit."""
    chance = story.chance
    onset = chance.randint(420, 700)
    story.see(visits.between(onset, visits.lately(chance), (60, 100), chance))
    story.level(Analyte.ALT, (onset, 1.4), (150, 1.8), (0, chance.uniform(3.9, 4.8)))
    story.beside(Analyte.AST, Analyte.ALT, 0.6)
    story.level(Analyte.PLATELETS, (onset, 1.5), (0, 1.15))
    _weight(story, onset)
    story.has("diabetes-type-2", "Type 2 diabetes mellitus", chance.randint(700, 4000))


def fatty_liver_new(story: Story) -> None:
    """ALT raised for weeks: watched, not yet persistent."""
    chance = story.chance
    first = chance.randint(20, 60)
    story.see(visits.between(first + chance.randint(500, 900), first + 180, visits.SPARSE, chance))
    story.see([first, *([first - 16] if story.often(0.5) else [])])
    story.level(Analyte.ALT, (first + 900, 0.9), (first + 100, 0.6), (first, 1.5), (first - 16, 1.25))
    _weight(story, 500)


def weight_lost(story: Story) -> None:
    """MASLD that went away with the weight: over since."""
    chance = story.chance
    last = visits.lately(chance)
    story.see(visits.between(1100, last + 300, visits.ROUTINE, chance))
    story.see([last + 120, last + 60, last])
    story.level(Analyte.ALT, (1100, 2.0), (last + 300, 1.7), (last + 130, 0.65), (0, 0.6))
    _weight(story, 1100)


def haemochromatosis(story: Story) -> None:
    """Iron overload: ALT a little raised, ferritin and transferrin saturation high."""
    chance = story.chance
    onset = chance.randint(400, 1100)
    story.see(visits.between(onset, visits.lately(chance), visits.ROUTINE, chance))
    story.level(Analyte.ALT, (onset, 1.5), (0, chance.uniform(1.6, 2.4)))
    story.beside(Analyte.AST, Analyte.ALT, 0.8)
    tested = chance.randint(20, 250)
    story.measure("ferritin", "Ferritin", tested, chance.randint(600, 2600), "ug/L")
    story.measure("transferrin-saturation", "Transferrin saturation", tested, chance.randint(58, 92), "%")
    if story.often(0.4):
        story.has("haemochromatosis", "Hereditary haemochromatosis", tested - 10)


def _weight(story: Story, since: int) -> None:
    """What goes with it: weight, sugar, lipids, each as far as anybody recorded it."""
    chance = story.chance
    lately = chance.randint(5, 200)
    if story.often(0.8):
        story.measure("bmi", "Body mass index", lately, round(chance.uniform(28, 41), 1), "kg/m2")
    if story.often(0.4):
        story.has("obesity", "Obesity", since + 200)
    if story.often(0.35):
        story.has("diabetes-type-2", "Type 2 diabetes mellitus", since + chance.randint(0, 2000))
        story.measure("hba1c", "Haemoglobin A1c", lately, round(chance.uniform(6.4, 9.5), 1), "%")
    if story.often(0.4):
        story.measure("triglycerides", "Triglycerides", lately, chance.randint(150, 420), "mg/dL")
    if story.often(0.3):
        story.has("fatty-liver", "Fatty liver disease", chance.randint(30, since))
    if story.often(0.3):
        story.answer("hbsag", "HBsAg", lately, "Negative")
        story.answer("anti-hcv", "Anti-HCV", lately, "Negative")
