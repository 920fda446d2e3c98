"""The pipeline around a schema, without rates."""

import strawberry

from gateway.document_policies import DocumentPolicies
from gateway.limits.parse_queue import ParseQueue
from gateway.pipeline import Pipeline
from schema.executable import executable


def pipeline_on(schema: strawberry.Schema, parse_queue: ParseQueue | None = None) -> Pipeline:
    """It belongs to the event loop that it is used on, as its parse queue does."""
    policies = DocumentPolicies(executable(schema), parse_queue=parse_queue or ParseQueue())
    return Pipeline(schema, policies=policies)
