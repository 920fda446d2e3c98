// Runs a subscription over a graphql-transport-ws socket of its own, as the observable that GraphiQL expects.
// An error is reported as a result with `errors`, and ends the subscription.
"use strict";

function watch(endpoint, headers, operation) {
  const url = new URL(endpoint, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return {
    subscribe({ next, complete }) {
      const socket = new WebSocket(url, "graphql-transport-ws");
      const say = (message) => socket.send(JSON.stringify(message));
      let over = false;
      function end(errors) {
        if (over) return;
        over = true;
        if (errors) next({ errors });
        complete();
        socket.close(1000);
      }
      socket.onopen = () => say({ type: "connection_init", payload: headers }); // a page cannot set headers on a socket
      socket.onmessage = ({ data }) => {
        const { type, payload } = JSON.parse(data);
        if (over) return;
        if (type === "connection_ack") say({ id: "1", type: "subscribe", payload: operation });
        if (type === "ping") say({ type: "pong" });
        if (type === "next") next(payload);
        if (type === "error") end(payload);
        if (type === "complete") end();
      };
      socket.onclose = ({ code, reason }) => end([{ message: `The socket was closed: ${code} ${reason}`.trim() }]);
      return { unsubscribe: () => end() };
    },
  };
}
