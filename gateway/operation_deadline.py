"""How long an operation waits for the practice's system, and where in the line."""

from collections.abc import Iterator

from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from booking.pacing import Lane
from booking.work_context import waiting
from schema.context import Context

# One deadline around all that an operation reads upstream, however many requests it takes. The slowest read with all its attempts
# takes 18 seconds, and nobody looks at an empty page for longer. What a checkout does once it is driven has budgets of its own.
SECONDS = 20.0


class OperationDeadline(SchemaExtension):
    """Gives an operation its deadline. What a mutation reads, to hold a slot for one, goes before browsing."""

    def on_execute(self) -> Iterator[None]:
        """Once an operation; a subscription reads as long as somebody watches."""
        kind = self.execution_context.operation_type
        if kind is OperationType.SUBSCRIPTION:
            yield
            return
        changes = kind is OperationType.MUTATION
        context: Context = self.execution_context.context
        context.course.changing = changes
        with waiting(lane=Lane.BOOKING if changes else None, seconds=SECONDS):
            yield
