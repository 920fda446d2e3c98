"""Gives each operation a deadline for upstream reads, and a lane in the upstream queue."""

from collections.abc import Iterator

from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from booking.pacing import Lane
from booking.work_context import waiting
from schema.context import Context

# For all upstream reads of an operation together. The slowest read takes 18 seconds with all its attempts, and a user waits no
# longer. The steps of a running checkout have budgets of their own.
SECONDS = 20.0


class OperationDeadline(SchemaExtension):
    """Sets the deadline, and puts the reads of mutations, such as holding a slot, ahead of browsing."""

    def on_execute(self) -> Iterator[None]:
        """Sets both for a query or mutation. A subscription has no deadline."""
        kind = self.execution_context.operation_type
        if kind is OperationType.SUBSCRIPTION:
            yield
            return
        changes = kind is OperationType.MUTATION
        context: Context = self.execution_context.context
        context.course.changing = changes
        with waiting(lane=Lane.BOOKING if changes else None, seconds=SECONDS):
            yield
