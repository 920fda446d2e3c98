"""For developers: a stack on this machine, the demo, and GraphiQL."""
