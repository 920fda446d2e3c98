"""Outgoing webhooks: events sent to endpoints over HTTP, signed by Standard Webhooks, behind an SSRF guard."""
