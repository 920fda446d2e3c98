"""GraphQL over WebSocket, by the subprotocol graphql-transport-ws.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from gateway.sockets.endpoint import SocketEndpoint
from gateway.sockets.rules import SocketRules

__all__ = ["SocketEndpoint", "SocketRules"]
