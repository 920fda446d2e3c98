"""Live queries: the answers of queries, sent again whenever they change (GraphQL subscriptions)."""
