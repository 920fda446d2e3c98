"""The running program: settings, the one composition root, authentication, idempotency, worker and command line."""
