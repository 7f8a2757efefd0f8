"""Every course with its share of the population, and whom it befalls."""

from collections.abc import Callable
from typing import Final, NamedTuple

from service.clinical.results import Sex
from service.population.courses import (
    alcohol,
    beginnings,
    cholestatic,
    drugs,
    healthy,
    metabolic,
    mishaps,
    pigment,
    sudden,
    viral,
)
from service.population.story import Story


class Course(NamedTuple):
    """One kind of story."""

    share: int
    """Of all people, in relation to the other shares."""
    tell: Callable[[Story], None]
    ages: tuple[int, int] = (22, 84)
    """The youngest and the oldest in whom it is told, in years."""
    sex: Sex | None = None

    @property
    def name(self) -> str:
        """Stable: `fatty_liver`."""
        return self.tell.__name__


COURSES: Final = (
    Course(420, healthy.healthy),
    Course(60, healthy.borderline_once),
    Course(10, healthy.bone, (55, 84)),
    Course(84, metabolic.fatty_liver, (30, 75)),
    Course(10, metabolic.fatty_liver_progressing, (40, 72)),
    Course(30, metabolic.fatty_liver_new, (28, 75)),
    Course(20, metabolic.weight_lost, (30, 70)),
    Course(10, metabolic.haemochromatosis, (38, 68), Sex.MALE),
    Course(26, alcohol.alcohol, (32, 70)),
    Course(12, alcohol.alcohol_given_up, (35, 70)),
    Course(16, alcohol.cirrhosis, (45, 78)),
    Course(12, viral.hepatitis_b, (25, 65)),
    Course(4, viral.hepatitis_b_flare, (25, 65)),
    Course(12, viral.hepatitis_c, (35, 72)),
    Course(10, viral.hepatitis_c_cured, (35, 72)),
    Course(6, viral.hepatitis_a, (22, 50)),
    Course(14, cholestatic.primary_biliary_cholangitis, (42, 76), Sex.FEMALE),
    Course(6, cholestatic.primary_sclerosing_cholangitis, (24, 52), Sex.MALE),
    Course(6, cholestatic.autoimmune_hepatitis, (24, 68)),
    Course(8, drugs.statin, (45, 80)),
    Course(10, drugs.statin_stopped, (45, 80)),
    Course(4, drugs.isoniazid),
    Course(6, drugs.isoniazid_stopped),
    Course(8, drugs.amoxicillin_clavulanate, (45, 84)),
    Course(6, drugs.methotrexate, (35, 76)),
    Course(4, drugs.hys_law, (35, 75)),
    Course(14, sudden.muscle, (22, 50)),
    Course(6, sudden.ischaemic, (62, 86)),
    Course(40, sudden.recheck_missed),
    Course(8, sudden.recheck_missed_moderate),
    Course(10, sudden.lost_to_follow_up),
    Course(20, pigment.gilbert, (22, 50)),
    Course(12, beginnings.pregnancy, (22, 42), Sex.FEMALE),
    Course(4, beginnings.pregnancy_raised, (22, 42), Sex.FEMALE),
    Course(20, beginnings.child, (3, 15)),
    Course(6, mishaps.corrected),
    Course(6, mishaps.retracted),
    Course(10, mishaps.unusable),
)
