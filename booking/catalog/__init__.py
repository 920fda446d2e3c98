"""The catalog: what the practice offers, at which price and on which terms, and who can be booked."""
