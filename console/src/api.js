// Speaks to the service. The caller's key lives in this module's memory alone: it is gone with the tab.

let key = null;
// The browser's own credentials (cookies, certificates) are for a gateway in front. With them, a browser answers the
// service's 401 by asking for a name and a password itself, so they are sent only to whoever says that there is one.
let credentials = "omit";

export function setKey(text) {
  key = text || null;
}

export function trustGateway(does) {
  credentials = does ? "same-origin" : "omit";
}

/** Why the service did not do what it was asked; `code` is the contract's word, or `unreachable`. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

function fields(body, more) {
  const made = { ...more };
  if (key) made["X-Caller-Key"] = key;
  if (body !== undefined) made["Content-Type"] = "application/json";
  return made;
}

async function send(method, path, { body, signal, headers } = {}) {
  try {
    return await fetch(path, {
      method,
      signal,
      headers: fields(body, headers),
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials,
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "The service cannot be reached.");
  }
}

async function problemOf(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // Something in front of the service has answered.
  }
  return new Problem(answer.status, told.code ?? "unknown", told.detail ?? `It answered ${answer.status}.`);
}

/** The JSON of the answer, or null where it has no body. */
export async function ask(method, path, options) {
  const answer = await send(method, path, options);
  if (!answer.ok) throw await problemOf(answer);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

export const get = (path, options) => ask("GET", path, options);

export async function text(path, options) {
  const answer = await send("GET", path, options);
  if (!answer.ok) throw await problemOf(answer);
  return answer.text();
}

/** Follows a stream of Server-Sent Events, which EventSource cannot do with a header field: calls `each` with
 *  {event, id, data} until the stream ends. */
export async function follow(path, cursor, each, signal) {
  const headers = { Accept: "text/event-stream" };
  if (cursor) headers["Last-Event-ID"] = cursor;
  const answer = await send("GET", path, { signal, headers });
  if (!answer.ok) throw await problemOf(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "unreachable", "The stream was cut off.");
    }
    if (part.done) return;
    rest += part.value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      each(parseBlock(rest.slice(0, end)));
      rest = rest.slice(end + 2);
    }
  }
}

function parseBlock(block) {
  const made = { event: null, id: null, data: null };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (name in made) made[name] = line.slice(colon + 1).trimStart();
  }
  return made;
}

export const paths = {
  account: (id) => `/api/v1/internal/accounts/${encodeURIComponent(id)}`,
  session: (id) => `/api/v1/internal/sessions/${encodeURIComponent(id)}`,
  sessionsOf: (id) => `/api/v1/internal/accounts/${encodeURIComponent(id)}/sessions`,
  accounts: "/api/v1/admin/accounts",
  audit: "/api/v1/admin/audit",
  feed: "/api/v1/internal/revocations",
  revocations: "/api/v1/admin/revocations",
  followers: "/api/v1/admin/followers",
  callers: "/api/v1/admin/callers",
  sweep: "/api/v1/admin/reaper",
  stats: "/api/v1/admin/stats",
};

/** `path?name=value…` of those that have a value. */
export function withQuery(path, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== ""));
  return query.size ? `${path}?${query}` : path;
}
