"""Synchronization with the system of record: webhooks, polling, and the events that follow from changes."""
