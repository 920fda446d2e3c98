"""Outgoing mail, over SMTP. Raises EmailNotSent, and nothing else."""
