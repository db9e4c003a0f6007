// A cache of sessions that follows the feed.
import { createHash } from "node:crypto";

import { SessionCache } from "./cache.mjs";
import { bootClock } from "./clock.mjs";
import { Problem, Unavailable } from "./client.mjs";

const WAIT_S = 1; // of a long poll: what it adds to the age of the lease
const PAUSE_MIN_MS = 50; // after a failure
const PAUSE_MAX_MS = 2_000;

// The token is no live session's. `code` is `session_revoked`, `session_expired` or `session_unknown`.
export class Denied extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

// verify() answers from memory as long as the revocation log was read recently enough, and asks the service otherwise. What
// was revoked at T is denied at T + `stalenessMaxMs` at the latest, whatever happens in between.
export class Follower {
  #client;
  #cache;
  #now;
  #onEvents;
  #following = null;
  #isStopping = false;
  #wake = () => {};

  // `now`: milliseconds of a monotonic clock, by default of one that goes on while the machine sleeps. `onEvents(events, isReset)` is called with each event of the feed once and in
  // order; after a reset, events may be missing before those that come.
  constructor(client, { cache = new SessionCache(), now = bootClock(), onEvents } = {}) {
    this.#onEvents = onEvents;
    this.#client = client;
    this.#cache = cache;
    this.#now = now;
  }

  start() {
    this.#following ??= this.#follow();
    return this;
  }

  async stop() {
    this.#isStopping = true;
    this.#wake();
    await this.#following;
  }

  get isCurrent() {
    return this.#cache.hasLease(this.#now());
  }

  // The session of this token. With the cursor of a revocation the answer is no older than that.
  async verify(token, minCursor) {
    const hash = createHash("sha256").update(token).digest("hex");
    let verdict = this.#cache.peek(hash, this.#now(), minCursor);
    if (verdict.kind === "ask") verdict = await this.#load(hash, minCursor);
    if (verdict.kind === "active") return verdict.session;
    if (verdict.kind === "unavailable") throw new Unavailable("the session service cannot say");
    throw new Denied(verdict.kind === "dead" ? "session_revoked" : `session_${verdict.kind}`);
  }

  async #load(hash, minCursor) {
    const load = this.#cache.begin(hash, minCursor);
    for (;;) {
      const question = this.#cache.question(load);
      const sent = this.#now();
      const answer = await this.#client.lookup(question).catch(() => null);
      const verdict = this.#cache.finish(load, answer, sent, this.#now());
      if (verdict.kind !== "again") return verdict;
    }
  }

  #tell(events, isReset) {
    if (!this.#onEvents || (events.length === 0 && !isReset)) return;
    try {
      this.#onEvents(events, isReset);
    } catch (error) {
      process.emitWarning(error); // whatever it is, the feed is read on
    }
  }

  async #follow() {
    let pause = PAUSE_MIN_MS;
    while (!this.#isStopping) {
      const sent = this.#now();
      try {
        const page = await this.#client.revocations(this.#cache.feedQuery(WAIT_S));
        const before = this.#cache.position;
        this.#cache.apply(page, sent);
        this.#tell(page.events, page.reset || (before !== null && before.epoch !== this.#cache.position.epoch));
        pause = PAUSE_MIN_MS;
      } catch (error) {
        if (!(error instanceof Problem || error instanceof Unavailable || error instanceof TypeError)) throw error;
        await new Promise((wake) => {
          this.#wake = wake;
          setTimeout(wake, pause * (0.5 + Math.random() / 2)).unref();
        });
        pause = Math.min(2 * pause, PAUSE_MAX_MS);
      }
    }
  }
}
