"""Injury by drugs: begun, noticed or not, stopped or not."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import PANEL, Story


def statin(story: Story) -> None:
    """ALT mildly raised some weeks after a statin was begun, and still on it."""
    chance = story.chance
    last = visits.lately(chance)
    begun = last + chance.randint(50, 85)
    story.see([begun + 560, begun + 190, begun + 5, last])
    story.level(Analyte.ALT, (begun - 10, 0.65), (last, chance.uniform(3.0, 4.3)), (0, 3.5))
    story.beside(Analyte.AST, Analyte.ALT, 0.7)
    name = chance.choice(("atorvastatin", "rosuvastatin", "simvastatin"))
    story.takes(name, f"{name.capitalize()} 40 mg tablet", begun)
    story.has("hyperlipidaemia", "Hyperlipidaemia", begun + 3)


def statin_stopped(story: Story) -> None:
    """The same some time ago: stopped, and normal since."""
    chance = story.chance
    last = visits.lately(chance)
    stopped = last + chance.randint(120, 300)
    begun = stopped + chance.randint(60, 90)
    story.see([begun + 200, begun + 5, stopped, stopped - 21, stopped - 60, stopped - 110, last])
    story.level(Analyte.ALT, (begun - 10, 0.6), (stopped, 3.4), (stopped - 60, 0.6), (0, 0.55))
    story.beside(Analyte.AST, Analyte.ALT, 0.7)
    story.takes("atorvastatin", "Atorvastatin 40 mg tablet", begun, stopped - 2)


def isoniazid(story: Story) -> None:
    """Isoniazid: ALT passes the stopping limit while the drug is still taken."""
    chance = story.chance
    last = chance.randint(1, 9)
    begun = last + chance.randint(45, 80)
    story.see([begun + 3, begun - 15, begun - 30, last])
    story.level(Analyte.ALT, (begun - 12, 0.7), (last, chance.uniform(10.5, 13.5)), (0, 11))
    story.beside(Analyte.AST, Analyte.ALT, 0.8)
    story.takes("isoniazid", "Isoniazid 300 mg tablet", begun)


def isoniazid_stopped(story: Story) -> None:
    """The same, stopped in time: back to normal within weeks."""
    chance = story.chance
    stopped = chance.randint(120, 330)
    begun = stopped + 65
    story.see([begun + 3, begun - 30, stopped, stopped - 7, stopped - 30, stopped - 60, stopped - 100])
    story.level(
        Analyte.ALT, (begun - 12, 0.7), (stopped, 6.4), (stopped - 28, 1.2), (stopped - 60, 0.6), (0, 0.5)
    )
    story.beside(Analyte.AST, Analyte.ALT, 0.8)
    story.takes("isoniazid", "Isoniazid 300 mg tablet", begun, stopped - 1)


def amoxicillin_clavulanate(story: Story) -> None:
    """Two weeks after a course of antibiotics: ALP, GGT and bilirubin; over within months."""
    chance = story.chance
    found = chance.choice((chance.randint(2, 25), chance.randint(150, 330)))
    begun = found + chance.randint(18, 30)
    later = [ago for ago in (found - 8, found - 28, found - 75, found - 130) if ago >= 0]
    story.panel = PANEL
    story.see([begun + 400, found, *later], Analyte.DIRECT_BILIRUBIN)
    for analyte, height in (
        (Analyte.ALP, 2.9),
        (Analyte.GGT, 6.5),
        (Analyte.ALT, 2.6),
        (Analyte.TOTAL_BILIRUBIN, 3.6),
        (Analyte.DIRECT_BILIRUBIN, 8.5),
    ):
        story.level(analyte, (begun - 2, 0.6), (found, height), (found - 28, height**0.6), (found - 75, 0.6))
    story.takes("amoxicillin-clavulanate", "Amoxicillin and clavulanate 875/125 mg tablet", begun, begun - 8)


def methotrexate(story: Story) -> None:
    """Rheumatoid arthritis under methotrexate, tested often: ALT mildly raised on and on."""
    chance = story.chance
    begun = chance.randint(420, 900)
    story.see(visits.between(begun + 10, chance.randint(1, 30), visits.DENSE, chance), instead=PANEL)
    story.level(Analyte.ALT, (begun - 40, 0.7), (begun - 110, 1.4), (0, chance.uniform(1.5, 2.1)))
    story.beside(Analyte.AST, Analyte.ALT, 0.75)
    story.has("rheumatoid-arthritis", "Rheumatoid arthritis", begun + 60)
    story.takes("methotrexate", "Methotrexate 15 mg once a week", begun)


def hys_law(story: Story) -> None:
    """ALT and bilirubin high together, ALP not, on a drug: found within the last days."""
    chance = story.chance
    last = chance.randint(1, 4)
    begun = last + chance.randint(35, 80)
    story.panel = PANEL
    story.see([begun + 200, begun + 2, last], Analyte.DIRECT_BILIRUBIN, Analyte.INR)
    story.level(Analyte.ALT, (begun - 15, 0.6), (last, chance.uniform(8, 20)))
    story.beside(Analyte.AST, Analyte.ALT, 0.85)
    story.level(Analyte.TOTAL_BILIRUBIN, (begun - 20, 0.5), (last, chance.uniform(3.6, 6)))
    story.beside(Analyte.DIRECT_BILIRUBIN, Analyte.TOTAL_BILIRUBIN, 2.4)
    story.level(Analyte.ALP, (begun, 0.6), (last, 1.2))
    name = chance.choice(("nitrofurantoin", "isoniazid", "diclofenac", "terbinafine"))
    story.takes(name, f"{name.capitalize()} tablet", begun)
