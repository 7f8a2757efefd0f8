"""High within hours or days and not by a disease of the liver: muscle and circulation."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import Story


def muscle(story: Story) -> None:
    """CK very high after exertion, AST above ALT; normal after two weeks of rest."""
    chance = story.chance
    peak = chance.randint(35, 300)
    story.see([peak + 500, peak, peak - 14, peak - 30], Analyte.CREATINE_KINASE)
    story.level(
        Analyte.CREATINE_KINASE, (peak + 2, 0.7), (peak, chance.uniform(12, 60)), (peak - 14, 0.8), (0, 0.6)
    )
    story.level(Analyte.AST, (peak + 2, 0.6), (peak, chance.uniform(2.5, 4.2)), (peak - 14, 0.6), (0, 0.5))
    story.level(Analyte.ALT, (peak + 2, 0.6), (peak, chance.uniform(1.3, 1.9)), (peak - 14, 0.6), (0, 0.5))
    story.answer("exercise", "Strenuous exercise in the last week", peak, "Yes")


def ischaemic(story: Story) -> None:
    """Circulatory failure: enormous for a day, halved every other day, normal within weeks."""
    chance = story.chance
    fresh = story.often(0.5)
    peak = chance.randint(2, 6) if fresh else chance.randint(60, 500)
    later = [ago for ago in (peak - 1, peak - 3, peak - 6, peak - 20, peak - 45) if ago >= 0]
    story.see([peak + 300, peak, *later], Analyte.INR)
    top = chance.uniform(35, 80)
    for analyte, height in ((Analyte.ALT, top), (Analyte.AST, top * 1.4)):
        story.level(analyte, (peak + 1, 0.7), (peak, height), (peak - 3, height / 4), (peak - 20, 0.7))
    story.level(Analyte.INR, (peak + 1, 0.9), (peak, 1.3), (peak - 6, 0.9))
    story.has("heart-failure", "Congestive heart failure", peak + chance.randint(100, 2000))
    story.has("shock", "Cardiogenic shock", peak, max(peak - 4, 0))


def lost_to_follow_up(story: Story) -> None:
    """Raised for a year or more, and then never seen again."""
    chance = story.chance
    last = chance.randint(760, 900)
    story.see(visits.between(last + chance.randint(420, 600), last, visits.ROUTINE, chance))
    story.level(Analyte.ALT, (2000, chance.uniform(1.6, 2.4)))
    story.beside(Analyte.AST, Analyte.ALT, 0.7)


def recheck_missed(story: Story) -> None:
    """ALT once mildly raised, and never again measured, though the patient came for another test."""
    chance = story.chance
    found = chance.choice((chance.randint(95, 160), chance.randint(115, 420)))
    _missed(story, found, chance.uniform(1.4, 4.2), chance.randint(1, found - 92))


def recheck_missed_moderate(story: Story) -> None:
    """The same with a moderate ALT."""
    chance = story.chance
    found = chance.randint(22, 90)
    _missed(story, found, chance.uniform(6.2, 8.5), chance.randint(1, found - 18))


def _missed(story: Story, found: int, height: float, later: int) -> None:
    story.see([found + story.chance.randint(350, 700), found])
    story.see([later], instead=(Analyte.PLATELETS, Analyte.ALBUMIN))
    story.level(Analyte.ALT, (found + 200, 0.6), (found, height))
    story.level(Analyte.AST, (found + 200, 0.5), (found, 0.75))
