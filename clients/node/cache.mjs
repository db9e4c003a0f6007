// What a follower holds, and what it may answer from that. No socket and no clock: times are milliseconds of one
// monotonic clock, and come as arguments.

const LOAD_ATTEMPTS_MAX = 3; // a load that revocations overtake is begun again this often
const PAGE_EVENTS_MAX = 200; // of the feed, in one answer
const NO_LOG_REACHES = 2n ** 64n - 1n;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === "string";
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z$/;

// Milliseconds since 1970, and fractions of one, of a time as the service writes it; NaN for what is none.
function parseTime(text) {
  const found = isText(text) ? TIME.exec(text) : null;
  return found ? Date.parse(`${found[1]}Z`) + 1000 * Number(found[2] ?? 0) : NaN;
}

const isSession = ({ session_id: sessionId, account_id: accountId, expires_at: end }) =>
  isText(sessionId) && isText(accountId) && (end === undefined || end === null || !Number.isNaN(parseTime(end)));

// {epoch, seq}, or null for what is no cursor.
export function parseCursor(text) {
  const found = isText(text) && /^([0-9a-f]{16})-([0-9]{1,20})$/.exec(text);
  return found ? { epoch: found[1], seq: BigInt(found[2]) } : null;
}

// Milliseconds; null for what tells no age.
function ageOf(answer) {
  const age = isObject(answer) ? answer.log_age_ms : undefined;
  return typeof age === "number" && age >= 0 && Number.isFinite(age) ? age : null;
}

// Sessions by the hash of their token: the least recently used goes, each is believed for `ttlMs`, and none past the lease,
// which ends `stalenessMaxMs` after the state of the log that was last read, or past its own end, which is told by the
// service's clock.
export class SessionCache {
  #entries = new Map(); // hash: {session (null if it is dead), loaded}, in the order of their use
  #bySession = new Map();
  #byAccount = new Map();
  #loads = new Set();
  #clockAhead = null; // of the clock by which sessions end, beyond ours: no less than it is; null: not told

  constructor({ entriesMax = 50_000, ttlMs = 600_000, stalenessMaxMs = 60_000 } = {}) {
    Object.assign(this, { entriesMax, ttlMs, stalenessMaxMs });
    this.position = null; // what was read of the log
    this.asOf = -Infinity; // everything that was revoked before this is known
  }

  // -- look-ups

  hasLease(now) {
    return now - this.asOf < this.stalenessMaxMs;
  }

  // {kind: "active", session}, {kind: "dead"}, or {kind: "ask"} when the service has to be asked.
  peek(hash, now, minCursor) {
    const held = this.#entries.get(hash);
    if (!held) return { kind: "ask" };
    if (held.session === null) return { kind: "dead" };
    if (minCursor && !this.#isAt(parseCursor(minCursor))) return { kind: "ask" };
    if (!this.hasLease(now) || now - held.loaded >= this.ttlMs || this.#mayBeOver(held.session, now))
      return { kind: "ask" };
    this.#entries.delete(hash);
    this.#entries.set(hash, held);
    return { kind: "active", session: held.session };
  }

  #mayBeOver({ expires_at: end }, now) {
    return end != null && (this.#clockAhead === null || now + this.#clockAhead >= parseTime(end));
  }

  #isAt(wanted) {
    return wanted !== null && this.position !== null && this.position.epoch === wanted.epoch && this.position.seq >= wanted.seq;
  }

  begin(hash, minCursor) {
    const load = { hash, minCursor, attempts: 0, ended: new Set(), isVoid: false };
    this.#loads.add(load);
    return load;
  }

  // The body of `POST /sessions/lookup`. To be called when it is sent, each time that it is.
  question(load) {
    load.attempts += 1;
    load.ended.clear(); // sessions and accounts that were revoked since it was sent
    load.isVoid = false; // everything was forgotten since
    const atLeast = this.#atLeast(load.minCursor);
    return { hashes: [load.hash], ...(atLeast && { min_cursor: atLeast }) };
  }

  // What an answer must have seen to have seen this cache's position and the caller's cursor. Of two histories neither says
  // where the other is: a position that no log reaches makes the service ask its database.
  #atLeast(wanted) {
    const asked = parseCursor(wanted);
    if (this.position === null) return wanted;
    const { epoch, seq } = this.position;
    if (asked === null) return `${epoch}-${seq}`;
    if (asked.epoch !== epoch) return `${epoch}-${NO_LOG_REACHES}`;
    return `${epoch}-${asked.seq > seq ? asked.seq : seq}`;
  }

  // As `peek`, or {kind: "unknown"}, {kind: "expired"}, {kind: "again"} to ask once more, {kind: "unavailable"}. `answer`: the
  // JSON of an answer with 200, else null.
  finish(load, answer, sent, now) {
    let verdict = this.#judge(load, answer, sent, now);
    if (verdict.kind === "again" && load.attempts >= LOAD_ATTEMPTS_MAX) verdict = { kind: "unavailable" };
    if (verdict.kind !== "again") this.#loads.delete(load);
    return verdict;
  }

  #judge(load, answer, sent, now) {
    const age = ageOf(answer);
    const results = isObject(answer) ? answer.results : null;
    if (age === null || !Array.isArray(results) || results.length !== 1 || now - (sent - age) >= this.stalenessMaxMs)
      return { kind: "unavailable" };
    const { status, ...session } = isObject(results[0]) ? results[0] : {};
    if (status === "unknown" || status === "expired") return { kind: status };
    if (status === "revoked") {
      this.#hold(load.hash, null, now);
      return { kind: "dead" };
    }
    if (status !== "active" || !isSession(session)) return { kind: "unavailable" };
    if (load.isVoid || load.ended.has(session.session_id) || load.ended.has(session.account_id)) return { kind: "again" };
    this.#hold(load.hash, session, now);
    return { kind: "active", session };
  }

  // -- the feed

  feedQuery(waitS) {
    const resumed = this.position && `&cursor=${this.position.epoch}-${this.position.seq}&wait=${waitS}`;
    return `limit=${PAGE_EVENTS_MAX}&clock=true${resumed ?? ""}`;
  }

  // Takes in an answer of `GET /revocations` to `feedQuery`. True: there is more to read at once. Throws for what is no such
  // answer, and then nothing was changed.
  apply(page, sent) {
    const position = isObject(page) ? parseCursor(page.cursor) : null;
    if (position === null || !Array.isArray(page.events) || typeof page.reset !== "boolean")
      throw new TypeError("not an answer of the feed");
    const goesOn = !page.reset && this.position?.epoch === position.epoch;
    let read = goesOn ? this.position.seq : 0n;
    if (position.seq < read) throw new TypeError("an answer to another cursor");
    const ended = page.events.map((event) => {
      const end = endedBy(event, read, position.seq);
      read = BigInt(event.seq);
      return end;
    });
    const age = ageOf(page);
    if (!goesOn) this.forgetAll();
    const nowThere = parseTime(page.now); // told after `sent`: so it showed no more then
    if (!Number.isNaN(nowThere)) this.#clockAhead = nowThere - sent;
    for (const event of ended) this.#end(event);
    this.position = position;
    if (ended.length >= PAGE_EVENTS_MAX) return true;
    if (age !== null) this.asOf = Math.max(this.asOf, sent - age);
    return false;
  }

  #end({ sessionId, accountId }) {
    for (const load of this.#loads) load.ended.add(sessionId ?? accountId);
    const hash = this.#bySession.get(sessionId);
    if (hash !== undefined) {
      const held = this.#entries.get(hash);
      this.#unlink(hash, held.session);
      held.session = null;
    }
    for (const one of [...(this.#byAccount.get(accountId) ?? [])]) this.#drop(one); // one that was spared resolves again
  }

  forgetAll() {
    this.#entries.clear();
    this.#bySession.clear();
    this.#byAccount.clear();
    this.asOf = -Infinity;
    this.#clockAhead = null;
    for (const load of this.#loads) load.isVoid = true;
  }

  // -- memory

  #hold(hash, session, now) {
    this.#drop(hash);
    this.#entries.set(hash, { session, loaded: now });
    if (session !== null) {
      this.#bySession.set(session.session_id, hash);
      if (!this.#byAccount.has(session.account_id)) this.#byAccount.set(session.account_id, new Set());
      this.#byAccount.get(session.account_id).add(hash);
    }
    while (this.#entries.size > this.entriesMax) this.#drop(this.#entries.keys().next().value);
  }

  #drop(hash) {
    const held = this.#entries.get(hash);
    this.#entries.delete(hash);
    if (held?.session) this.#unlink(hash, held.session);
  }

  #unlink(hash, session) {
    this.#bySession.delete(session.session_id);
    const own = this.#byAccount.get(session.account_id);
    own?.delete(hash);
    if (own?.size === 0) this.#byAccount.delete(session.account_id);
  }
}

// An event comes once, and in order.
function endedBy(event, read, last) {
  const { type, seq, session_id: sessionId, account_id: accountId } = isObject(event) ? event : {};
  const isOurs = Number.isInteger(seq) && BigInt(seq) > read && BigInt(seq) <= last;
  if (isOurs && type === "session.revoked" && isText(sessionId)) return { sessionId };
  if (isOurs && type === "account.revoked" && isText(accountId)) return { accountId };
  throw new TypeError("not an event of the feed");
}
