"""Executes validated documents to JSON text: `Executor`, which all transports use, and its answer, `Executed`."""

from gateway.execution.executor import Executed, Executor

__all__ = ["Executed", "Executor"]
