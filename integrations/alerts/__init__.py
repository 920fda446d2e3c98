"""Alert channels: the log and a chat webhook. Each raises AlertDeliveryFailed, and nothing else."""
