"""Live queries: the same answers as queries, sent again whenever they change (GraphQL subscriptions)."""
