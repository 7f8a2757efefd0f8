"""A small hospital to try Liverwatch on: a FHIR R4 server in memory that also notifies its subscribers.

It shares no code with the service and knows nothing of it but FHIR, so that what it holds at the end is
evidence. `records` holds versioned resources, `searching` finds them, `writing` changes them (alone, or all
or nothing), `notifying` tells subscribers, `server` speaks HTTP, `hanging_up` loses answers on purpose,
`running` starts it.

Run it with `python -m service.simulated_ehr`.
"""
