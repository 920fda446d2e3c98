"""A practice of nothing but lists in lists, to measure documents against."""

from graphql import GraphQLSchema, build_schema

from gateway.limits import Documents
from gateway.limits.weights import WEIGHTS

SDL = """
type Query {
  node: Node
  slots(from: Int): [Node!]!
  nodes(first: Int! = 20): Connection!
}
type Mutation { change: Node }
interface Named { name: String }
type Node implements Named {
  name: String
  next: Node
  several: [Node!]!
  nodes(first: Int, last: Int): Connection!
  listed(first: Int! = 20): [Node!]!
}
type Connection { nodes: [Node!]!  edges: [Edge!]!  total: Int }
type Edge { node: Node  cursor: String }
"""


def practice() -> GraphQLSchema:
    return build_schema(SDL)


def documents() -> Documents:
    return Documents(practice(), introspection=True, suggestions=True, weights=WEIGHTS)


def fan_out(doublings: int, end: str = "node { name }") -> str:
    """A document whose fragments, spread out, are 2^doublings times its end."""
    chain = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(doublings)]
    return "\n".join(["{ ...F0 }", *chain, f"fragment F{doublings} on Query {{ {end} }}"])
