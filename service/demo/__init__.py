"""`liverwatch demo`: the whole road on one machine, told in plain words.

A simulated EHR in a process of its own, Liverwatch on an SQLite database that is thrown away, and twelve
invented people of `fhir_samples/`. `samples` reads what is played, `stage` starts and ends everything,
`witness` compares what the EHR holds with what it must hold, `telling` puts it into words. Beside them stands
a `clinic` of some hundred made-up people, about whose alerts `nurses` have decided: another source, so that
the story and its EHR are as if it were not there.
"""

import threading

from service.demo.clinic import fill
from service.demo.samples import Step, read_script
from service.demo.stage import Stage, open_stage
from service.demo.telling import Teller
from service.demo.witness import Witness


def run(*, once: bool, port: int = 0) -> bool:
    """Play the demo.

    Args:
        once: end after the last step; else everything keeps running until Ctrl-C.
        port: where Liverwatch listens on 127.0.0.1; 0 for any free port.

    Returns:
        Whether the EHR held, after every step and at the end, exactly the DetectedIssues it must hold.

    Raises:
        ConfigurationError: the sample histories are not there.
        DemoFailed: something did not start, or refused to go on.
    """
    script = read_script()
    teller = Teller()
    with open_stage(script.clock, port) as stage:
        witness = Witness(stage)
        teller.opening(stage)
        teller.filled(fill(stage.engine, stage.rules), stage)
        differences = [each for step in script.steps for each in _play(step, stage, witness, teller)]
        differences += witness.at_the_end(script.expected)
        teller.ending(stage, differences, running=not once)
        if not once:
            _until_interrupted()
    return not differences


def _play(step: Step, stage: Stage, witness: Witness, teller: Teller) -> list[str]:
    teller.announce(step)
    for file in step.files:
        teller.arrived(file)
        stage.arrive(file.body)
    stage.settle()
    issues = witness.issues(step.patient)
    teller.concluded(step, issues, witness)
    return witness.compare(step.expected, issues, f"after step {step.number}")


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
