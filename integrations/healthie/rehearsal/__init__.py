"""A rehearsal: the whole journey on a practice's sandbox account, to learn what its Healthie does where nothing says so.

Works only on what it makes itself, and gives all of that back. See docs/rehearsal.md.
"""
