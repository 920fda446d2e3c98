"""The practice's sender of mail. Raises EmailNotSent, and nothing else."""
