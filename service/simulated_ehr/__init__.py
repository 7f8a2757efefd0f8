"""A small hospital to try Liverwatch on: a FHIR server in memory that also notifies its subscribers.

It shares no code with the service and knows nothing of it but FHIR, so that what it holds at the end is
evidence. `records` holds versioned resources, `searching` finds them, `writing` changes them (alone, or
all or nothing). `interactions` offers that over HTTP, `capability` describes it, `access` and `smart` say
who may.

`styles` lists the kinds of server it can be. `subscriptions` reads what is asked for, `rest_hooks` and
`topic_bundles` word it, `notifying` sends it, `mishaps` lets things go wrong, `operations` answers `$status`
and `$events`; `verbatim` is the demo's way. `server` puts it together, `playing` is what the command line
adds, `bulk` exports all there is, `hanging_up` loses answers on purpose, `running` and `serving` start it.

Run it with `liverwatch simulate-ehr`.
"""
