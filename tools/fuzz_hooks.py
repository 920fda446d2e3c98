"""The hooks and the check of schemathesis for this API. Loaded by `st`, in an environment of its own (see `tools.fuzz`)."""

import json
import os
import random
import re
import uuid

import schemathesis

# Real values by field, so that some requests get past the first lookup.
VALUES = json.loads(os.environ["FRONTDOOR_FUZZ_VALUES"])
_FIELD = re.compile(rf'\b({"|".join(VALUES)}): "(?:[^"\\]|\\.)*"')


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Add an idempotency key, since a mutation without one is refused, and real values to half of the requests."""
    case.headers = {**(case.headers or {}), "Idempotency-Key": uuid.uuid4().hex}
    chance = random.Random(case.body if isinstance(case.body, str) else "")
    if isinstance(case.body, str) and chance.random() < 0.5:
        case.body = _FIELD.sub(
            lambda found: f"{found[1]}: {json.dumps(chance.choice(VALUES[found[1]]))}", case.body
        )


@schemathesis.check
def is_an_answer(_context, response, _case):
    """Check that the response has data or explained errors, and no fault of ours (`INTERNAL`)."""
    assert response.status_code < 500, f"HTTP {response.status_code}"
    body = response.json()
    assert isinstance(body, dict) and body and set(body) <= {"data", "errors", "extensions"}
    codes = [error["extensions"]["code"] for error in body.get("errors", ())]
    assert "INTERNAL" not in codes, "a fault of ours"
    assert response.headers["x-request-id"]
