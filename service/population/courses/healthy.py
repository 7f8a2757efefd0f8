"""The healthy: most people, whose results are normal, or once in a while a little above the limit."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import Story


def healthy(story: Story) -> None:
    """Normal results, by chance one at the limit; some take a drug that harms nobody here."""
    chance = story.chance
    story.see(
        visits.between(chance.randint(400, 1500), visits.lately(chance), visits.any_pattern(chance), chance)
    )
    if story.often(0.25):
        story.has("hypertension", "Essential hypertension", chance.randint(400, 3000))
    if story.often(0.15):
        story.takes("simvastatin", "Simvastatin 20 mg tablet", chance.randint(500, 2000))
    if story.often(0.3):
        story.measure("bmi", "Body mass index", visits.lately(chance), round(chance.gauss(25, 3), 1), "kg/m2")


def borderline_once(story: Story) -> None:
    """One ALT slightly above the limit between normal ones."""
    chance = story.chance
    agos = visits.between(chance.randint(900, 1300), visits.lately(chance), visits.ROUTINE, chance)
    story.see(agos)
    high = chance.choice(agos[1:-2])
    raised = chance.uniform(1.2, 1.5)
    story.level(
        Analyte.ALT, *((ago, raised if ago == high else 0.65) for ago in sorted(set(agos), reverse=True))
    )


def bone(story: Story) -> None:
    """ALP from bone: raised for years beside a normal GGT."""
    chance = story.chance
    story.see(
        visits.between(chance.randint(500, 1200), visits.lately(chance), visits.ROUTINE, chance), Analyte.GGT
    )
    story.level(Analyte.ALP, (1200, chance.uniform(1.3, 1.6)), (0, chance.uniform(1.5, 2.1)))
    story.has("paget-disease-of-bone", "Paget disease of bone", chance.randint(700, 3000))
