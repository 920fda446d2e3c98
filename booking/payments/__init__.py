"""What patients do about their cards on file and receipts, each with one call; paying an invoice is in `booking.changes`."""
