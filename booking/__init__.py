"""The domain: catalog, scheduling, checkout, events and audit. No I/O library is imported here; `ports` says what it needs from outside."""
