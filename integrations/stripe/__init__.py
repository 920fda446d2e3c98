"""Stripe, read only: what its decline codes mean, and what its books say of our charges. It cannot charge."""
