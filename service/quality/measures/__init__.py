"""Measures for quality teams: how often alerts are raised, right, taken, acted on and closed in time.

Read in this order: `cases` (what is counted), `catalogue` (every measure in words), `stories` (what became of
an alert), `on_alerts`, `on_courses` and `on_arrivals` (which cases a measure makes of what is stored),
`figures` (counting them), `strata` (telling people apart), `evaluating` (from the database to figures and
people), `masking` and `exporting` (what may leave).
"""

from service.quality.measures.cases import Question
from service.quality.measures.catalogue import MEASURES, Measure, measure_named
from service.quality.measures.evaluating import Counted, Listed, People, evaluate, people_behind
from service.quality.measures.figures import Figure, Figures
from service.quality.measures.masking import masked

__all__ = [
    "MEASURES",
    "Counted",
    "Figure",
    "Figures",
    "Listed",
    "Measure",
    "People",
    "Question",
    "evaluate",
    "masked",
    "measure_named",
    "people_behind",
]
