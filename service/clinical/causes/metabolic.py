"""Fatty liver, iron, copper, alpha-1-antitrypsin and the thyroid."""

import re

from service.clinical.causes.bounds import Bound, Side
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.hfe import hfe
from service.clinical.causes.muscle_and_habits import ast_to_alt, body_mass
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, measured
from service.clinical.saying import number

_METABOLIC = ("diabetes", "prediabetes", "obesity", "hyperlipidaemia", "hypertension", "metabolic-syndrome")
_ALLELES = re.compile(r"(?<![a-z])(?:pi)?[\s*]*(m[1-4]?|s|z|null)[\s/*]*(m[1-4]?|s|z|null)(?![a-z])")
"""A phenotype such as `Pi*ZZ`, `MZ` or `M1/S`."""


def fatty_liver(on: OnRecord) -> Cause:
    """Metabolic (MASLD): the enzymes' ratio, and the cardiometabolic risk factors it is defined by."""
    weighing = Weighing(CauseName.FATTY_LIVER, on)
    rule = on.rules.fatty_liver
    ast_to_alt(weighing, on, low_speaks_for=True)
    body_mass(weighing, on, rule.bmi)
    if on.child:
        weighing.unknown("HbA1c and lipids are not read by the bounds of adults under the adult age.")
    else:
        hdl = rule.hdl_men if on.male else rule.hdl_women
        weighing.blood("hba1c", "HbA1c", Bound(Side.FROM, rule.hba1c))
        weighing.blood("triglycerides", "triglycerides", Bound(Side.FROM, rule.triglycerides))
        weighing.blood("hdl-cholesterol", "HDL cholesterol", Bound(Side.UP_TO, hdl))
    weighing.finding("steatosis", "fat in the liver", against="Ultrasound misses a little of it.")
    weighing.conditions(on.lasting("fatty-liver", *_METABOLIC))
    return weighing.cause()


def haemochromatosis(on: OnRecord) -> Cause:
    """By ferritin and transferrin saturation; a ferritin alone is raised by much else."""
    weighing = Weighing(CauseName.HAEMOCHROMATOSIS, on)
    rule = on.rules.iron
    ferritin = rule.ferritin_men if on.male else rule.ferritin_women
    others = "Inflammation, alcohol and fatty liver raise it too."
    weighing.blood("ferritin", "ferritin", Bound(Side.ABOVE, ferritin, own_first=True), others)
    saturation = Bound(Side.ABOVE, rule.saturation)
    weighing.blood("transferrin-saturation", "transferrin saturation", saturation)
    hfe(weighing, on)
    weighing.conditions(on.lasting("haemochromatosis"))
    return weighing.cause()


def wilson(on: OnRecord) -> Cause:
    """Looked for in the young: a higher age speaks against it, a low one alone not for it.

    Pregnancy raises ceruloplasmin, so a normal one says nothing then.
    """
    weighing = Weighing(CauseName.WILSON, on)
    rule, age = on.rules.wilson, on.readings.age(on.day)
    if age is None:
        weighing.unknown("The age is not known.")
    elif age >= rule.younger_than_years:
        weighing.speaks_against(f"{age} years old: it seldom shows first from {rule.younger_than_years} on.")
    _ceruloplasmin(weighing, on)
    _urine_copper(weighing, on)
    weighing.conditions(on.lasting("wilson-disease"))
    return weighing.cause()


def _urine_copper(weighing: Weighing, on: OnRecord) -> None:
    """Far above what is usual it speaks for Wilson disease, slightly above it may."""
    found, rule = on.number("urine-copper"), on.rules.wilson
    if found is None or found.value is None:
        return
    high = Bound(Side.ABOVE, rule.urine_copper)
    unclear = Bound(Side.ABOVE, rule.urine_copper_unclear)
    raised = unclear.met(found.value, found.comparator)
    if raised and not high.met(found.value, found.comparator):
        words = f"{measured('copper in 24-hour urine', found)}, above {number(unclear.value)}"
        weighing.unknown(f"{words} but not surely above {number(high.value)}: to be looked into.", found)
    else:
        remark = "Cholestasis raises it too."
        weighing.blood("urine-copper", "copper in 24-hour urine", high if raised else unclear, remark)


def _ceruloplasmin(weighing: Weighing, on: OnRecord) -> None:
    bound = Bound(Side.BELOW, on.rules.wilson.ceruloplasmin, own_first=True)
    found = on.number("ceruloplasmin")
    low = found is None or found.value is None or bound.of(found).met(found.value, found.comparator)
    if found is not None and on.pregnant and not low:
        weighing.unknown(f"{measured('ceruloplasmin', found)}, which pregnancy raises.", found)
    else:
        weighing.blood("ceruloplasmin", "ceruloplasmin", bound)


def alpha_1_antitrypsin(on: OnRecord) -> Cause:
    """By the level, which inflammation can lift, and the phenotype, which stands for good."""
    weighing = Weighing(CauseName.ALPHA_1_ANTITRYPSIN, on)
    level = Bound(Side.BELOW, on.rules.alpha_1_antitrypsin.level, own_first=True)
    weighing.blood("a1at", "alpha-1-antitrypsin", level)
    _phenotype(weighing, on)
    weighing.conditions(on.lasting("alpha-1-antitrypsin-deficiency"))
    return weighing.cause()


def _phenotype(weighing: Weighing, on: OnRecord) -> None:
    """An allele Z or null lowers the level; S alone hardly does, and decides nothing here."""
    found = on.newest("a1at-phenotype")
    if found is None:
        weighing.unknown("No alpha-1-antitrypsin phenotype in the record.")
        return
    words = f"{measured('alpha-1-antitrypsin phenotype', found)}: {found.text}."
    read = _ALLELES.search(found.text.casefold())
    alleles = {allele[0] for allele in read.groups()} if read else set()
    if alleles & {"z", "n"}:
        weighing.speaks_for(words, found)
    elif alleles == {"m"}:
        weighing.speaks_against(words, found)
    else:
        weighing.unknown(words, found)


def thyroid(on: OnRecord) -> Cause:
    """A TSH outside its limits on either side."""
    weighing = Weighing(CauseName.THYROID, on)
    rule, found = on.rules.thyroid, on.number("tsh")
    bound = Bound(Side.ABOVE, rule.tsh_high, own_first=True)
    if found is not None and found.value is not None:
        low = Bound(Side.BELOW, rule.tsh_low, own_first=True)
        bound = low if low.of(found).met(found.value, found.comparator) else bound
    weighing.blood("tsh", "TSH", bound)
    weighing.conditions(on.lasting("hypothyroidism", "hyperthyroidism", "autoimmune-thyroiditis"))
    return weighing.cause()
