"""Ways to tell people that something needs them. Each raises AlertDeliveryFailed, and nothing else."""
