"""Gives each operation its actor, a deadline for upstream reads, and a lane in the upstream queue."""

from contextlib import AbstractContextManager

from graphql import OperationType

from booking.pacing import Lane
from booking.work_context import asked_by
from schema.context import Context

# For all upstream reads of an operation together. The slowest read takes 18 seconds with all its attempts, and a user waits no
# longer. The steps of a running checkout have budgets of their own.
SECONDS = 20.0


def begun(context: Context, kind: OperationType) -> AbstractContextManager[None]:
    """Everything inside is done at the request of the caller: a query or mutation within SECONDS, a subscription without a deadline.

    The reads of a mutation, such as holding a slot, go ahead of browsing; from here on it is finished, even when its client disconnects.
    """
    context.course.changing = changes = kind is OperationType.MUTATION
    return asked_by(
        context.actor,
        request_id=context.request_id,
        client=context.client,
        lane=Lane.BOOKING if changes else None,
        seconds=None if kind is OperationType.SUBSCRIPTION else SECONDS,
    )
