"""Idempotency: runs each mutation once per idempotency key, and replays its outcome."""
