"""The answers that the canned application has in memory."""

import json
from pathlib import Path

from benchmarks.peers.practice import SIZES, Practice, expected_plans, expected_slots, visit_type


def write(practice: Practice, directory: Path) -> None:
    """Write one answer for the plans, and one for each size of free time that the practice can have."""
    directory.mkdir(parents=True, exist_ok=True)
    nodes = expected_plans()
    _write(directory / "plans.json", {"plans": {"totalCount": len(nodes), "nodes": nodes}})
    for size in SIZES:
        if practice.has_room_for(size):
            slots = expected_slots(practice, visit_type(size), size, practice.first_day)
            _write(directory / f"{size:04}.json", {"slots": slots})


def _write(file: Path, data: object) -> None:
    file.write_text(json.dumps({"data": data}, separators=(",", ":")))
