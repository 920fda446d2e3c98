"""GraphQL fields: read the inputs, call one service, map the answer."""
