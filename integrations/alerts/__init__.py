"""Ways to tell people that something needs them. Each raises AlertNotTold, and nothing else."""
