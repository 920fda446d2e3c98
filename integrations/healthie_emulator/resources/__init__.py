"""Records that are little more than what was sent: one table says how each kind is made, changed, removed, read and listed."""
