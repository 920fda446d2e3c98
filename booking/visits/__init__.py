"""Booked visits as their patients see them: lists, the state in which each stands, its way in, and its calendar entry."""
