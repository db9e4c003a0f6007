// Prometheus' text exposition, and what the overview makes of two readings of it.

/** name{labels} → value, by the text that stands before the value. */
export function parseMetrics(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line[0] === "#") continue;
    const space = line.lastIndexOf(" ");
    found.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return found;
}

const RESOLVING = ["resolve_session", "verify", "introspect", "oauth_introspect"];
const REQUESTS = "portcullis_http_requests_total";
const BUCKETS = "portcullis_http_request_duration_seconds_bucket";

function labels(name) {
  return Object.fromEntries([...name.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
}

/** How much the counters whose labels `wants` takes have grown. */
function grown(before, after, metric, wants) {
  let sum = 0;
  for (const [name, value] of after)
    if (name.startsWith(`${metric}{`) && wants(labels(name))) sum += value - (before.get(name) ?? 0);
  return sum;
}

/** The latency below which `share` of the answers between two readings came, by the buckets; null without any. */
function quantile(before, after, share) {
  const counts = new Map();
  for (const [name, value] of after) {
    if (!name.startsWith(`${BUCKETS}{`)) continue;
    const { route, le } = labels(name);
    if (RESOLVING.includes(route)) counts.set(le, (counts.get(le) ?? 0) + value - (before.get(name) ?? 0));
  }
  const bounds = [...counts].map(([le, n]) => [le === "+Inf" ? Infinity : Number(le), n]).sort((a, b) => a[0] - b[0]);
  const all = bounds.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  let below = 0;
  let lower = 0;
  for (const [bound, n] of bounds) {
    if (n >= share * all) {
      if (bound === Infinity) return lower;
      return n === below ? bound : lower + ((bound - lower) * (share * all - below)) / (n - below);
    }
    below = n;
    lower = bound;
  }
  return lower;
}

/** The point of the plots between two readings {at, values}, `at` in seconds. */
export function pointBetween(before, after) {
  const seconds = after.at - before.at;
  const isRestarted = grown(before.values, after.values, REQUESTS, () => true) < 0;
  if (seconds <= 0 || isRestarted) return null;
  const rate = (status) =>
    grown(before.values, after.values, REQUESTS, (l) => RESOLVING.includes(l.route) && status(l.status)) / seconds;
  const now = (name) => after.values.get(name) ?? null;
  const growth = (name) => ((now(name) ?? 0) - (before.values.get(name) ?? 0)) / seconds;
  return {
    at: after.at,
    found: rate((s) => s === "200"),
    refused: rate((s) => s[0] === "4"),
    failed: rate((s) => s[0] === "5"),
    p50: scaled(quantile(before.values, after.values, 0.5), 1e6),
    p99: scaled(quantile(before.values, after.values, 0.99), 1e6),
    logAge: scaled(now("portcullis_revocation_log_age_seconds"), 1e3),
    revocations: growth("portcullis_revocation_log_position"),
    busy: now("portcullis_db_workers_busy"),
    queue: now("portcullis_db_queue"),
  };
}

const scaled = (value, by) => (value === null || value < 0 ? null : value * by);
