// Calls of the service: one method for each, over connections that `fetch` keeps.

const INTERNAL = "/api/v1/internal";
const id = encodeURIComponent;

// An answer that is no success: its status, and the code that problem documents have.
export class Problem extends Error {
  constructor(status, code = "unknown", detail = "") {
    super(`${status} ${code}: ${detail}`);
    Object.assign(this, { status, code });
  }
}

// No answer, or one that cannot be relied on.
export class Unavailable extends Error {}

export class Client {
  #url;
  #headers;
  #timeoutMs;

  // `key`: shown as X-Caller-Key.
  constructor(url, { key, timeoutMs = 5_000 } = {}) {
    if (!/^https?:$/.test(new URL(url).protocol)) throw new TypeError(`${url}: http or https is needed`);
    this.#url = url.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    this.#headers = { Accept: "application/json", ...(key && { "X-Caller-Key": key }) };
  }

  // The JSON of a success (null where it has none); Problem or Unavailable otherwise.
  async call(method, path, { body, token, minCursor, timeoutMs = this.#timeoutMs } = {}) {
    const headers = {
      ...this.#headers,
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(minCursor && { "X-Min-Cursor": minCursor }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
    };
    let status, document;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(this.#url + path, { method, headers, body: JSON.stringify(body), signal, redirect: "error" });
      const text = await response.text();
      status = response.status;
      document = text ? JSON.parse(text) : null;
    } catch (error) {
      throw new Unavailable(error.message, { cause: error });
    }
    if (status >= 200 && status < 300) return document;
    throw new Problem(status, document?.code, document?.detail);
  }

  // -- sessions

  // For an account, or for the one that has this identity, which is made if there is none.
  mintSession({ accountId, kind, externalId }, device) {
    const holder = accountId ? { account_id: accountId } : { identity: { kind, external_id: externalId } };
    return this.call("POST", `${INTERNAL}/sessions`, { body: { ...holder, device } });
  }

  mintGuest(device) {
    return this.call("POST", "/api/v1/public/sessions/guest", { body: { device } });
  }

  resolve(token, minCursor) {
    return this.call("GET", `${INTERNAL}/sessions/resolve`, { token, minCursor });
  }

  revoke(token, reason) {
    return this.call("POST", `${INTERNAL}/sessions/revoke`, { token, body: { reason } });
  }

  revokeSession(sessionId, reason) {
    return this.call("DELETE", `${INTERNAL}/sessions/${id(sessionId)}`, { body: { reason } });
  }

  session(sessionId) {
    return this.call("GET", `${INTERNAL}/sessions/${id(sessionId)}`);
  }

  lookup(body) {
    return this.call("POST", `${INTERNAL}/sessions/lookup`, { body });
  }

  // -- accounts

  findOrCreateAccount(kind, externalId, displayName) {
    const body = { identity: { kind, external_id: externalId }, display_name: displayName };
    return this.call("POST", `${INTERNAL}/accounts`, { body });
  }

  account(accountId) {
    return this.call("GET", `${INTERNAL}/accounts/${id(accountId)}`);
  }

  accountSessions(accountId) {
    return this.call("GET", `${INTERNAL}/accounts/${id(accountId)}/sessions`);
  }

  revokeAccountSessions(accountId, reason) {
    return this.call("DELETE", `${INTERNAL}/accounts/${id(accountId)}/sessions`, { body: { reason } });
  }

  // -- the feed

  revocations(query, timeoutMs) {
    return this.call("GET", `${INTERNAL}/revocations?${query}`, { timeoutMs });
  }
}
