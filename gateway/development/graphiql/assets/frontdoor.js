// What the page adds to GraphiQL: it fills in placeholders, sends the headers that the API requires, and remembers values of responses.
// The bar on the page explains this. Everything is kept in sessionStorage, which ends with the browser tab. For operators nothing is
// kept: GraphiQL's history would contain their token.
"use strict";

const page = JSON.parse(document.getElementById("page").textContent);
const storage = page.walk ? window.sessionStorage : inMemory();
const MEMORY = "frontdoor:remembered";

function inMemory() {
  const kept = new Map();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
    clear: () => kept.clear(),
  };
}

const recall = () => JSON.parse(storage.getItem(MEMORY) ?? "{}");

function remember(values) {
  storage.setItem(MEMORY, JSON.stringify({ ...recall(), ...values }));
  showRemembered();
}

// Filling in placeholders

function day(offset) {
  const date = new Date();
  date.setDate(date.getDate() + offset);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

const ALWAYS_KNOWN = {
  inTwoDays: { what: "the day after tomorrow", value: () => day(2) },
  inAWeek: { what: "this day in a week", value: () => day(7) },
  timeZone: { what: "your browser's time zone", value: () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" },
};

function known(name) {
  const value = ALWAYS_KNOWN[name]?.value() ?? recall()[name];
  if (value === undefined) {
    throw new Error(`{{${name}}} is not known yet: run the tabs to the left first, or write a value in its place.`);
  }
  return value;
}

function fill(value) {
  if (typeof value === "string") return value.replace(/\{\{(\w+)\}\}/g, (_, name) => known(name));
  if (Array.isArray(value)) return value.map(fill);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one)]));
}

// Remembering: a path such as `slots.*.slots.*.id` yields the first value found

function find(data, [step, ...rest]) {
  if (step === undefined) return data ?? undefined;
  if (step !== "*") return data?.[step] === undefined ? undefined : find(data[step], rest);
  for (const one of data ?? []) {
    const found = find(one, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

function found(data) {
  const values = Object.entries(page.remembered).map(([name, path]) => [name, find(data, path.split("."))]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

// Sending

async function post(body, headers) {
  const response = await fetch(page.endpoint, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  try {
    return { response, answer: JSON.parse(text) };
  } catch {
    throw new Error(`HTTP ${response.status}, and the answer is not JSON: ${text.slice(0, 200)}`);
  }
}

async function fetchVisitorToken() {
  const { answer } = await post({ query: "{ newVisitorToken }" }, { "Content-Type": "application/json" });
  if (answer.data?.newVisitorToken) remember({ visitor: answer.data.newVisitorToken });
}

let asking = null; // concurrent requests share one token

async function visitorToken() {
  if (recall().visitor === undefined) {
    asking ??= fetchVisitorToken().finally(() => (asking = null));
    await asking;
  }
  return recall().visitor ?? "";
}

function kindOf(document, operationName) {
  const operations = (document?.definitions ?? []).filter((one) => one.kind === "OperationDefinition");
  const chosen = operations.find((one) => one.name?.value === operationName) ?? operations[0];
  return chosen?.operation;
}

// Not crypto.randomUUID(): browsers offer it on https and localhost only.
function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function send(params, options) {
  const body = { ...params, variables: fill(params.variables ?? {}) };
  const headers = new Headers(fill(options.headers ?? {}));
  const given = headers.has("Frontdoor-Visitor");
  if (page.walk && !given) headers.set("Frontdoor-Visitor", await visitorToken());
  const kind = kindOf(options.documentAST, params.operationName);
  if (kind === "subscription") return noted(watch(page.endpoint, Object.fromEntries(headers), body));
  headers.set("Content-Type", "application/json");
  if (kind === "mutation") {
    if (!headers.has("Idempotency-Key")) headers.set("Idempotency-Key", freshKey());
    remember({ idempotencyKey: headers.get("Idempotency-Key") });
  }
  let { response, answer } = await post(body, headers);
  if (page.walk && !given && answer.errors?.some((error) => error.extensions?.code === "VISITOR_TOKEN_REQUIRED")) {
    remember({ visitor: undefined }); // the gateway has restarted with another secret and rejects the old one
    headers.set("Frontdoor-Visitor", await visitorToken());
    ({ response, answer } = await post(body, headers));
  }
  if (params.operationName !== "IntrospectionQuery") showLast(`HTTP ${response.status}${replayed(response)}`);
  remember(found(answer.data));
  return answer;
}

function noted(messages) {
  let count = 0;
  return {
    subscribe: ({ next, complete }) =>
      messages.subscribe({
        next(answer) {
          showLast(`WebSocket · ${(count += 1)}`);
          remember(found(answer.data));
          next(answer);
        },
        complete,
      }),
  };
}

async function fetcher(params, options = {}) {
  try {
    return await send(params, options);
  } catch (error) {
    showLast("no answer");
    return { errors: [{ message: error.message }] };
  }
}

// The bar

function element(tag, text, attributes = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...attributes });
}

function showRemembered() {
  const values = recall();
  const chips = ["visitor", ...Object.keys(page.remembered), "idempotencyKey"].map((name) => {
    const value = values[name];
    const chip = element("div", "", { className: value === undefined ? "unknown" : "", title: value ?? "not known yet" });
    chip.append(element("dt", name), element("dd", value ?? "–"));
    return chip;
  });
  document.getElementById("remembered").replaceChildren(...chips);
}

const replayed = (response) => (response.headers.get("Idempotent-Replayed") === "true" ? " · replayed" : "");

function showLast(text) {
  document.getElementById("last").textContent = text;
}

function showHelp() {
  const rows = [
    ...Object.entries(page.remembered).map(([name, path]) => [name, `the last answer's ${path}`]),
    ["visitor", "the token of this page"],
    ["idempotencyKey", "the key of the last mutation"],
    ...Object.entries(ALWAYS_KNOWN).map(([name, { what }]) => [name, what]),
  ].map(([name, what]) => {
    const row = document.createElement("tr");
    row.insertCell().append(element("code", `{{${name}}}`));
    row.insertCell().append(what);
    return row;
  });
  document.getElementById("sources").replaceChildren(...rows);
  const links = page.links.map(({ text, href }) => element("a", text, { href, target: "_blank", rel: "noreferrer" }));
  document.getElementById("links").replaceChildren(...links);
}

document.getElementById("restart").addEventListener("click", () => {
  // Only when the page is left: GraphiQL writes its open tabs shortly after each change.
  window.addEventListener("pagehide", () => storage.clear());
  window.location.reload();
});

if (page.walk) {
  showHelp();
  showRemembered();
  visitorToken().catch(() => {}); // the first request tries again, and shows the error
} else {
  for (const one of document.querySelectorAll(".walk, .operators")) one.hidden = !one.hidden;
}

// GraphiQL reads the first tab's variables and headers from its storage only, never from the initial tabs.
if (storage.getItem("graphiql:tabState") === null) {
  storage.setItem("graphiql:variables", page.tabs[0].variables);
  storage.setItem("graphiql:headers", page.tabs[0].headers ?? "");
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    storage,
    defaultTabs: page.tabs,
    defaultEditorToolsVisibility: page.walk ? "variables" : "headers",
    shouldPersistHeaders: true, // of the example tabs, in the same storage as the rest
  }),
);
