"""Viruses: hepatitis B and C for years, A for weeks."""

from service.clinical.analytes import Analyte
from service.population import visits
from service.population.story import Story


def hepatitis_b(story: Story) -> None:
    """HBsAg positive, ALT mildly raised for years."""
    chance = story.chance
    onset = chance.randint(450, 1300)
    story.see(visits.between(onset, visits.lately(chance), visits.any_pattern(chance), chance))
    height = chance.uniform(1.5, 2.5)
    story.level(Analyte.ALT, (onset, height), (0, height * chance.uniform(0.9, 1.1)))
    story.beside(Analyte.AST, Analyte.ALT, 0.75)
    tested = chance.randint(20, 340)
    story.answer("hbsag", "HBsAg", tested, "Positive")
    story.answer("anti-hcv", "Anti-HCV", tested, "Negative")
    if story.often(0.6):
        story.has("hepatitis-b-chronic", "Chronic hepatitis B", tested - 7)
    if story.often(0.5):
        story.examine("Ultrasound of the liver", chance.randint(10, 300))


def hepatitis_b_flare(story: Story) -> None:
    """Hepatitis B that flares up: ALT from mild to moderate within weeks."""
    chance = story.chance
    last = chance.randint(1, 12)
    story.see(visits.between(last + 700, last + 120, visits.ROUTINE, chance))
    story.see([last + 30, last])
    story.level(Analyte.ALT, (last + 700, 1.6), (last + 100, 1.7), (last + 30, 2.6), (last, 8.0), (0, 8.0))
    story.beside(Analyte.AST, Analyte.ALT, 0.8)
    story.answer("hbsag", "HBsAg", last + 300, "Positive")
    story.has("hepatitis-b-chronic", "Chronic hepatitis B", last + 290)


def hepatitis_c(story: Story) -> None:
    """Anti-HCV positive, ALT raised; the RNA measured in half of them."""
    chance = story.chance
    onset = chance.randint(450, 1300)
    story.see(visits.between(onset, visits.lately(chance), visits.any_pattern(chance), chance))
    height = chance.uniform(1.6, 3.2)
    story.level(Analyte.ALT, (onset, height), (0, height * chance.uniform(0.9, 1.1)))
    story.beside(Analyte.AST, Analyte.ALT, 0.85)
    tested = chance.randint(20, 340)
    story.answer("anti-hcv", "Anti-HCV", tested, "Reactive")
    story.answer("hbsag", "HBsAg", tested, "Non-reactive")
    if story.often(0.5):
        amount = chance.randint(40, 6000) * 1000
        story.measure("hcv-rna", "HCV RNA", tested - 8, amount, "[IU]/mL")
        story.has("hepatitis-c", "Chronic hepatitis C", tested - 8)


def hepatitis_c_cured(story: Story) -> None:
    """Hepatitis C before and after twelve weeks of antivirals: normal since."""
    chance = story.chance
    last = visits.lately(chance)
    begun = last + 300
    story.see(visits.between(begun + 500, begun, visits.ROUTINE, chance))
    story.see([begun - 30, begun - 90, begun - 200, last])
    story.level(Analyte.ALT, (begun, 2.8), (begun - 30, 0.7), (begun - 90, 0.5), (0, 0.5))
    story.beside(Analyte.AST, Analyte.ALT, 0.9)
    story.takes("sofosbuvir", "Sofosbuvir 400 mg and velpatasvir 100 mg tablet", begun, begun - 84)
    story.answer("anti-hcv", "Anti-HCV", begun + 60, "Reactive")
    story.answer("hcv-rna", "HCV RNA", begun - 180, "Not detected")


def hepatitis_a(story: Story) -> None:
    """Hepatitis A: very high for a week or two, jaundice, normal within three months."""
    chance = story.chance
    peak = chance.choice((chance.randint(2, 9), chance.randint(150, 400)))
    followed = [ago for ago in (peak - 3, peak - 10, peak - 30, peak - 80, peak - 110) if ago >= 0]
    story.see([peak + 600, peak, *followed], Analyte.DIRECT_BILIRUBIN, Analyte.INR)
    story.level(
        Analyte.ALT, (peak + 40, 0.6), (peak, chance.uniform(28, 50)), (peak - 14, 12), (peak - 80, 0.6)
    )
    story.level(Analyte.AST, (peak + 40, 0.6), (peak, 24), (peak - 14, 6), (peak - 80, 0.6))
    story.level(Analyte.TOTAL_BILIRUBIN, (peak + 20, 0.5), (peak, 4.5), (peak - 30, 1.6), (peak - 80, 0.5))
    story.beside(Analyte.DIRECT_BILIRUBIN, Analyte.TOTAL_BILIRUBIN, 2.3)
    story.level(Analyte.ALP, (peak + 20, 0.6), (peak, 1.3), (peak - 80, 0.6))
    story.level(Analyte.GGT, (peak + 20, 0.5), (peak, 3.0), (peak - 80, 0.6))
    story.answer("hav-igm", "Hepatitis A IgM", max(peak - 2, 0), "Positive")
