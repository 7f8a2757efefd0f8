"""Bile ducts, from stones to primary biliary cholangitis: what a cholestatic pattern may come from."""

from service.clinical.analytes import Analyte
from service.clinical.causes.bilirubin import share_of_direct
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, levels
from service.clinical.injury_pattern import InjuryPattern

_BILIARY = (
    *("gallstones", "bile-duct-stones", "cholecystitis", "cholangitis", "biliary-obstruction"),
    *("primary-biliary-cholangitis", "primary-sclerosing-cholangitis"),
)
DILATATION = "bile-duct-dilatation"
"""Its name in the catalogue of findings."""
_COMPANIONS = ("inflammatory-bowel-disease",)
"""Beside a raised ALP: primary sclerosing cholangitis goes with it."""
_BONE = ("paget-disease-of-bone", "bone-metastases", "osteomalacia", "bone-disease")


def biliary(on: OnRecord) -> Cause:
    """R, ALP beside GGT, the share of direct bilirubin, and recorded diseases of bile ducts and of bone.

    A fracture counts as a source of ALP like a disease of bone, while it heals.
    """
    weighing = Weighing(CauseName.BILIARY, on)
    if not on.r.given or on.r.reading == InjuryPattern.MIXED.value:
        weighing.unknown(on.r.words, on.r)
    elif on.r.reading == InjuryPattern.CHOLESTATIC.value:
        weighing.speaks_for(on.r.words, on.r)
    else:
        weighing.speaks_against(on.r.words, on.r)
    _alp(weighing, on)
    share_of_direct(weighing, on, conjugated_speaks_for=True)
    of_pbc = "It speaks of primary biliary cholangitis only."
    weighing.serology("ama", "antimitochondrial antibodies (AMA)", against=of_pbc)
    obstructed = "It speaks against an obstruction only."
    weighing.finding(DILATATION, "dilated bile ducts", stands=False, against=obstructed)
    weighing.finding("gallstones", "gallstones", against="Stones in the ducts are easily missed.")
    missed = "They are easily missed."
    weighing.finding("bile-duct-stones", "stones in the bile ducts", stands=False, against=missed)
    weighing.conditions(on.lasting(*_BILIARY))
    if on.pregnant:
        weighing.note(
            "A pregnancy is recorded: ALP rises in it by itself; think of cholestasis of pregnancy."
        )
    return weighing.cause()


def _alp(weighing: Weighing, on: OnRecord) -> None:
    days = on.readings.rulebook.rules.alert_policy.window_days
    alp, ggt = on.nearest(Analyte.ALP, days), on.nearest(Analyte.GGT, days)
    if alp is None:
        weighing.unknown(f"No ALP within {days} days.")
    elif not alp.elevated:
        weighing.speaks_against(f"{levels(alp)}: normal.", alp)
    elif ggt is None:
        weighing.unknown(f"{levels(alp)}, and no GGT within {days} days: liver or bone.", alp)
    elif ggt.elevated:
        weighing.speaks_for(f"{levels(alp, ggt)}: both raised.", alp, ggt)
    else:
        weighing.speaks_against(f"{levels(alp, ggt)}: ALP raised with a normal GGT, as from bone.", alp, ggt)
    if alp is not None and alp.elevated:
        weighing.conditions(on.lasting(*_COMPANIONS))
        fractures = on.lasting("fracture")
        lasting = [each for each in on.lasting(*_BONE) if each not in fractures]
        bone = [*lasting, *on.events(days, "fracture")]
        weighing.conditions(bone, against="ALP may come from bone.")
