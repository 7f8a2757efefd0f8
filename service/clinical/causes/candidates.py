"""The one door: which causes an elevation may have, with what the record says for and against each.

Nothing here ranks them as a diagnosis: those with more that speaks for them stand first, because that is
where a reader has most to look at.
"""

from collections.abc import Callable
from decimal import Context, localcontext

from service.clinical.causes.autoimmune import autoimmune_hepatitis, coeliac_disease
from service.clinical.causes.biliary import biliary
from service.clinical.causes.bilirubin import gilbert, haemolysis
from service.clinical.causes.cause import Cause
from service.clinical.causes.circulatory import circulatory
from service.clinical.causes.drug_injury import drug_injury
from service.clinical.causes.metabolic import (
    alpha_1_antitrypsin,
    fatty_liver,
    haemochromatosis,
    thyroid,
    wilson,
)
from service.clinical.causes.muscle_and_habits import alcohol, contributors, muscle, sleep
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.viral import acute_viral, hepatitis_b, hepatitis_c

_ARITHMETIC = Context(prec=40)

_CAUSES: tuple[Callable[[OnRecord], Cause | None], ...] = (
    *(muscle, sleep, alcohol, fatty_liver, hepatitis_b, hepatitis_c, drug_injury),
    *(haemochromatosis, wilson, autoimmune_hepatitis, coeliac_disease, thyroid, biliary),
    *(alpha_1_antitrypsin, acute_viral, circulatory, haemolysis, gilbert, contributors),
)
"""In the order in which those stand that have equally much for them."""


def drugs_on_record(on: OnRecord) -> Cause:
    """Of the causes that `candidate_causes` weighs, drugs and supplements alone."""
    with localcontext(_ARITHMETIC):
        return drug_injury(on)


def candidate_causes(on: OnRecord) -> tuple[Cause, ...]:
    """Every cause that an episode can have, the one with most that speaks for it first.

    A function of the record, whatever the order its parts stand in. All of `CauseName` are there, many with
    little but what is unknown, except: muscle injury where neither ALT nor AST was elevated, haemolysis where
    neither bilirubin nor AST was, and Gilbert syndrome where bilirubin was not.
    """
    with localcontext(_ARITHMETIC):
        found = [cause for cause in (weigh(on) for weigh in _CAUSES) if cause is not None]
    return tuple(sorted(found, key=lambda cause: -len(cause.speaks_for)))
