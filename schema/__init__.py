"""The GraphQL vocabulary: types, inputs, named result unions and scalars, and nothing else."""
