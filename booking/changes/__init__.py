"""Changes that a patient requests after a visit was booked: cancelling it, moving it, ending what it was paid with, and paying an invoice."""
