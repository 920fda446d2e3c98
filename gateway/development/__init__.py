"""Tools for developers: the local stack, the demo and GraphiQL."""
