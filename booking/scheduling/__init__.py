"""Scheduling: free slots, and the holds that keep one for a patient while they decide and pay."""
