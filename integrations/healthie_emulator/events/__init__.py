"""The webhook events that Healthie offers and that nothing here sends."""
