"""GraphQL over WebSocket: an implementation of the subprotocol graphql-transport-ws. See docs/sockets.md.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from gateway.sockets.endpoint import SocketEndpoint
from gateway.sockets.rules import SocketRules

__all__ = ["SocketEndpoint", "SocketRules"]
