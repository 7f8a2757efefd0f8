"""Autoimmune hepatitis and coeliac disease."""

from service.clinical.causes.bounds import Bound, Side
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing
from service.clinical.injury_pattern import InjuryPattern

_COMPANIONS = ("autoimmune-thyroiditis", "rheumatoid-arthritis", "autoimmune-disease")
"""Autoimmune diseases that go with it."""


def autoimmune_hepatitis(on: OnRecord) -> Cause:
    """By IgG, antinuclear and smooth-muscle antibodies; a cholestatic pattern is not its own."""
    weighing = Weighing(CauseName.AUTOIMMUNE, on)
    weighing.blood("igg", "IgG", Bound(Side.ABOVE, on.rules.autoimmune.igg, own_first=True))
    weighing.serology("ana", "antinuclear antibodies (ANA)")
    weighing.serology("smooth-muscle-antibody", "smooth-muscle antibodies (SMA)")
    if on.r.given and on.r.reading == InjuryPattern.CHOLESTATIC.value:
        weighing.speaks_against(on.r.words, on.r)
    weighing.conditions(on.lasting("autoimmune-hepatitis", *_COMPANIONS))
    return weighing.cause()


def coeliac_disease(on: OnRecord) -> Cause:
    """By IgA against tissue transglutaminase, which a gluten-free diet makes negative."""
    weighing = Weighing(CauseName.COELIAC, on)
    weighing.serology("ttg-iga", "tissue transglutaminase IgA (tTG-IgA)")
    weighing.conditions(on.lasting("coeliac-disease"))
    return weighing.cause()
