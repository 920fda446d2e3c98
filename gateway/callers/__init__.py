"""Callers: authentication (who sends a request) and permissions (what they may ask for)."""
