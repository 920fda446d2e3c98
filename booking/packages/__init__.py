"""What patients bought: packages, credits, memberships, payments, invoices. Reads only; changes of them are in `booking.changes`."""
