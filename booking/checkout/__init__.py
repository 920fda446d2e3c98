"""The checkout saga: from a held slot and a frozen quote to a paid and booked visit, or to everything undone.

Read in this order: states.py (the state machine), saga.py (its driver), steps.py (the calls), writer.py (the one writer),
timing.py (the durations); then service.py, which patients' requests call.
"""
