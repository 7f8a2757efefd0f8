"""The numbers by which candidate causes are weighed. Multiples are of the upper limit of normal.

What another rule asks as well stands with that rule and is used from there: CK, AST/ALT, AUDIT-C and R with
the interpretation, the share of direct bilirubin and the days beside an enzyme with the alert policy, and the
times of drugs with `drug_exposure`. The limits of blood tests hold where the laboratory gave none of its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

Order = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """How old a measurement may be, in months before the latest elevated day, to say something of it."""

    serology_months: int
    blood_months: int
    habits_months: int
    bmi_months: int


@dataclass(frozen=True, slots=True)
class Muscle:
    """Days between strenuous exercise, an injury, a burn, a seizure or surgery and the elevation."""

    exercise_days: int
    event_days: int


@dataclass(frozen=True, slots=True)
class Sleep:
    """Fewer hours a night, told at most `days` away."""

    hours_below: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Alcohol:
    """Grams of alcohol a week, more than which is harmful; and the grams in a drink and in a unit."""

    grams_men: Decimal
    grams_women: Decimal
    grams_a_drink: Decimal
    grams_a_unit: Decimal
    ascending: ClassVar[Order] = (("grams_women", "grams_men"), ("grams_a_unit", "grams_a_drink"))


@dataclass(frozen=True, slots=True)
class FattyLiver:
    """From these on, HDL cholesterol up to them: kg/m2, %, mg/dL."""

    bmi: Decimal
    hba1c: Decimal
    triglycerides: Decimal
    hdl_men: Decimal
    hdl_women: Decimal


@dataclass(frozen=True, slots=True)
class Iron:
    """Above: ferritin in ug/L, transferrin saturation in %."""

    ferritin_men: Decimal
    ferritin_women: Decimal
    saturation: Decimal
    ascending: ClassVar[Order] = (("ferritin_women", "ferritin_men"),)


@dataclass(frozen=True, slots=True)
class Wilson:
    """An age in years under which it is looked for; ceruloplasmin in g/L below which it speaks for it.

    Copper in urine in µg a day: above the one it speaks for it, above the other it may.
    """

    younger_than_years: int
    ceruloplasmin: Decimal
    urine_copper: Decimal
    urine_copper_unclear: Decimal


@dataclass(frozen=True, slots=True)
class Autoimmune:
    """IgG in g/L above; an antibody's titre from 1:`titre` on."""

    igg: Decimal
    titre: int


@dataclass(frozen=True, slots=True)
class Thyroid:
    """TSH in mU/L outside."""

    tsh_low: Decimal
    tsh_high: Decimal
    ascending: ClassVar[Order] = (("tsh_low", "tsh_high"),)


@dataclass(frozen=True, slots=True)
class Alpha1Antitrypsin:
    """Level in g/L below."""

    level: Decimal


@dataclass(frozen=True, slots=True)
class AcuteViral:
    """ALT above `alt` within `days` before the latest elevated day; IgM no older than `days`."""

    alt: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Circulatory:
    """ALT or AST above `enzyme`, down to `falls_to` of it within `fall_days`; events within `event_days`."""

    enzyme: Decimal
    falls_to: Decimal
    fall_days: int
    event_days: int


@dataclass(frozen=True, slots=True)
class Haemolysis:
    """Haptoglobin in g/L below, LDH in U/L and reticulocytes in % above, within `days`."""

    haptoglobin: Decimal
    ldh: Decimal
    reticulocytes: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Gilbert:
    """Total bilirubin in umol/L above which it is seldom Gilbert syndrome alone."""

    bilirubin: Decimal


@dataclass(frozen=True, slots=True)
class Contributors:
    """Obesity from a BMI on, inactivity below minutes of activity a week."""

    bmi: Decimal
    active_minutes: Decimal


@dataclass(frozen=True, slots=True)
class Drugs:
    """Days before the onset for which a drug that its times let off is still named."""

    look_back_days: int


@dataclass(frozen=True, slots=True)
class CauseRules:
    """What candidate causes are weighed by."""

    windows: Windows
    muscle: Muscle
    sleep: Sleep
    alcohol: Alcohol
    fatty_liver: FattyLiver
    iron: Iron
    wilson: Wilson
    autoimmune: Autoimmune
    thyroid: Thyroid
    alpha_1_antitrypsin: Alpha1Antitrypsin
    acute_viral: AcuteViral
    circulatory: Circulatory
    haemolysis: Haemolysis
    gilbert: Gilbert
    contributors: Contributors
    drugs: Drugs
