"""Idempotency: each mutation once per key, whatever is sent again."""
