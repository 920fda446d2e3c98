"""The GraphQL schema's types: objects, inputs, named result unions and scalars. Resolvers are in `resolvers`."""
