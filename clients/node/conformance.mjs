// Plays the conformance suite's commands, one JSON a line, on the cache; or follows a service:
//
//   node conformance.mjs         commands on standard input, answers on standard output
//   node conformance.mjs URL [STALENESS_MS [TIMEOUT_MS]]
//                                tokens on standard input (and a cursor after a blank), verdicts on standard output; to
//                                `events`: whether it is current, how many resets it saw, and the seqs of all events
import { createInterface } from "node:readline";

import { Client, Denied, Follower, SessionCache, Unavailable } from "./index.mjs";
import { isToken } from "./token.mjs";

let cache;
let loads = new Map();

const told = ({ kind, session }) => ({ answer: kind, ...(session && { session_id: session.session_id }) });

const commands = {
  new(command) {
    cache = new SessionCache({
      entriesMax: command.entries_max,
      ttlMs: command.ttl_ms,
      stalenessMaxMs: command.staleness_max_ms,
    });
    loads = new Map();
    return {};
  },
  verify({ hash, now, min_cursor: minCursor, load: number }) {
    const verdict = cache.peek(hash, now, minCursor);
    if (verdict.kind !== "ask") return told(verdict);
    const load = cache.begin(hash, minCursor);
    loads.set(number, load);
    return { ask: cache.question(load) };
  },
  loaded({ load: number, body = null, sent, now }) {
    const verdict = cache.finish(loads.get(number), body, sent, now);
    return verdict.kind === "again" ? { ask: cache.question(loads.get(number)) } : told(verdict);
  },
  page({ body, sent }) {
    try {
      return { more: cache.apply(body, sent) };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return { error: true };
    }
  },
  token({ text }) {
    return { is_token: isToken(text) };
  },
  query({ wait }) {
    return { query: cache.feedQuery(wait) };
  },
};

const seqs = [];
let resets = 0;

function onEvents(events, isReset) {
  seqs.push(...events.map((event) => event.seq));
  resets += isReset ? 1 : 0;
}

async function verdict(follower, line) {
  if (line.trim() === "events") return `${follower.isCurrent ? "current" : "behind"} ${resets} ${seqs}`;
  const [token, cursor] = line.trim().split(" ");
  try {
    return `active ${(await follower.verify(token, cursor)).session_id}`;
  } catch (error) {
    if (error instanceof Denied) return `denied ${error.code}`;
    if (error instanceof Unavailable) return "unavailable";
    throw error;
  }
}

const [url, stalenessMaxMs = 60_000, timeoutMs = 5_000] = process.argv.slice(2);
const held = new SessionCache({ stalenessMaxMs: Number(stalenessMaxMs) });
const follower = url && new Follower(new Client(url, { timeoutMs: Number(timeoutMs) }), { cache: held, onEvents }).start();
for await (const line of createInterface({ input: process.stdin })) {
  const command = follower ? null : JSON.parse(line);
  console.log(follower ? await verdict(follower, line) : JSON.stringify(commands[command.do](command)));
}
await follower?.stop();
