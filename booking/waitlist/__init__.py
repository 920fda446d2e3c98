"""The waitlist for single visits: who waits for which times, and the offers of times that came free."""
