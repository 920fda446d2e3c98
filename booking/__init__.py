"""The domain: what a patient, a practice and a payment are to each other. Pure; no I/O library is imported here."""
