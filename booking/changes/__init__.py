"""Changes that a patient requests after a visit was booked: cancelling it, moving it, and ending what it was paid with."""
