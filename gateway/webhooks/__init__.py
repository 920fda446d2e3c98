"""Incoming webhooks of the system of record: the endpoint, the secrets, and the checks that they still arrive."""
