"""The rows of the tables, by name."""

from benchmarks.peers.questions import Case

CASES = {
    case.name: case
    for case in (
        Case(name="plans", size=None),
        *(Case(name=f"slots{size}", size=size) for size in (100, 400, 1000, 2000, 5000)),
        # All callers ask one identical question, again and again.
        *(Case(name=f"same{size}", size=size, is_varied=False) for size in (400, 2000)),
    )
}
