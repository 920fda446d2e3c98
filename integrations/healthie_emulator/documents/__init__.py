"""Documents of patients and of the practice, and the addresses at which files are fetched and uploaded."""
