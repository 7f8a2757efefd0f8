"""Bile that does not flow, and a liver under attack of its own defences."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import PANEL, Story


def primary_biliary_cholangitis(story: Story) -> None:
    """PBC: ALP and GGT raised for years, AMA positive; some on ursodeoxycholic acid."""
    chance = story.chance
    onset = chance.randint(450, 1400)
    story.panel = PANEL
    story.see(visits.between(onset, visits.lately(chance), visits.ROUTINE, chance))
    story.level(Analyte.ALP, (onset, chance.uniform(1.5, 2.1)), (0, chance.uniform(1.6, 3.0)))
    story.level(Analyte.GGT, (onset, 2.5), (0, chance.uniform(2.5, 5)))
    story.level(Analyte.ALT, (onset, 0.8), (0, 0.85))
    tested = chance.randint(10, 350)
    if story.often(0.8):
        story.answer("ama", "Mitochondrial antibodies", tested, "Positive")
        story.has("primary-biliary-cholangitis", "Primary biliary cholangitis", max(tested - 9, 1))
        story.takes("ursodeoxycholic acid", "Ursodeoxycholic acid 500 mg tablet", max(tested - 9, 1))
    if story.often(0.7):
        story.examine("Ultrasound of the liver", chance.randint(10, 330))


def primary_sclerosing_cholangitis(story: Story) -> None:
    """PSC: ALP high and going up and down, in people with ulcerative colitis."""
    chance = story.chance
    onset = chance.randint(450, 1000)
    story.panel = PANEL
    agos = visits.between(onset, visits.lately(chance), (70, 130), chance)
    story.see(agos, Analyte.DIRECT_BILIRUBIN)
    story.level(Analyte.ALP, *((ago, chance.uniform(2.2, 4.2)) for ago in sorted(set(agos), reverse=True)))
    story.beside(Analyte.GGT, Analyte.ALP, 1.8)
    story.level(Analyte.ALT, (onset, 1.4), (0, 1.6))
    story.level(Analyte.TOTAL_BILIRUBIN, (onset, 0.7), (60, 0.9), (0, 2.9 if story.often(0.2) else 0.9))
    story.beside(Analyte.DIRECT_BILIRUBIN, Analyte.TOTAL_BILIRUBIN, 2.2)
    story.has("inflammatory-bowel-disease", "Ulcerative colitis", chance.randint(800, 4000))
    if story.often(0.5):
        story.examine("MRCP", chance.randint(20, 300))


def autoimmune_hepatitis(story: Story) -> None:
    """Found with a moderate ALT and high IgG; half of them already treated."""
    chance = story.chance
    treated = story.often(0.5)
    found = chance.randint(200, 330) if treated else chance.randint(2, 20)
    story.see([found + 1000, found + 600, found])
    story.level(Analyte.ALT, (found + 300, 0.7), (found, chance.uniform(7, 11)))
    story.measure("igg", "Immunoglobulin G", found - 1, round(chance.uniform(20, 32), 1), "g/L")
    story.answer("ana", "Antinuclear antibody", found - 1, "1:320")
    story.answer("smooth-muscle-antibody", "Smooth muscle antibody", found - 1, "Positive")
    if treated:
        story.see([found - 14, found - 40, found - 90, found - 150])
        story.level(
            Analyte.ALT, (found + 300, 0.7), (found, 9.0), (found - 40, 2.0), (found - 90, 0.65), (0, 0.6)
        )
        story.has("autoimmune-hepatitis", "Autoimmune hepatitis", found - 10)
        story.takes("prednisolone", "Prednisolone 5 mg tablet", found - 10)
    story.beside(Analyte.AST, Analyte.ALT, 0.9)
