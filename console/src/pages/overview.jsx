import { useRef, useState } from "preact/hooks";
import { get, paths, text } from "../api.js";
import { useEvery } from "../hooks.js";
import { parseMetrics, pointBetween } from "../metrics.js";
import { Plot } from "../plot.jsx";
import { Busy, Trouble } from "../ui.jsx";

const EVERY_MS = 2000;
const POINTS_MAX = 300; // ten minutes

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const shown = (value, unit = "") => (value === null || value === undefined ? "–" : `${number.format(value)}${unit}`);

function Tile({ label, value, is }) {
  return (
    <div class={`tile ${is ?? ""}`}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** The service's own word on whether it is ready; its 503 has checks as well. */
async function readiness(signal) {
  const answer = await fetch("/readyz", { signal, cache: "no-store" });
  const told = await answer.json();
  return told.checks ? told : { status: "unavailable", checks: {} };
}

function useNumbers() {
  const [state, setState] = useState({ points: [] });
  const before = useRef(null);
  useEvery(EVERY_MS, async (signal) => {
    try {
      const ready = await readiness(signal).catch(() => null);
      const reading = { at: Date.now() / 1000, values: parseMetrics(await text("/metrics", { signal })) };
      const point = before.current && pointBetween(before.current, reading);
      before.current = reading;
      setState((s) => ({
        ready,
        values: reading.values,
        points: point ? [...s.points, point].slice(-POINTS_MAX) : s.points,
      }));
    } catch (problem) {
      if (signal.aborted) return;
      setState((s) => ({ ...s, problem }));
      before.current = null;
    }
  });
  return state;
}

function Plots({ points }) {
  return (
    <div class="plots">
      <Plot
        title="Resolves by outcome"
        unit="/s"
        points={points}
        lines={[
          { of: "found", label: "found", colour: "--good" },
          { of: "refused", label: "refused", colour: "--warn", dash: [6, 3] },
          { of: "failed", label: "failed", colour: "--bad", dash: [2, 2] },
        ]}
      />
      <Plot
        title="Latency of a resolve"
        unit="µs"
        points={points}
        lines={[
          { of: "p50", label: "p50", colour: "--good" },
          { of: "p99", label: "p99", colour: "--warn", dash: [6, 3] },
        ]}
      />
      <Plot title="Age of the log" unit="ms" points={points} lines={[{ of: "logAge", label: "age", colour: "--accent" }]} />
      <Plot
        title="Revocations"
        unit="/s"
        points={points}
        lines={[{ of: "revocations", label: "in the log", colour: "--accent" }]}
      />
      <Plot
        title="Database workers"
        unit=""
        points={points}
        lines={[
          { of: "busy", label: "busy", colour: "--accent" },
          { of: "queue", label: "waiting", colour: "--warn", dash: [6, 3] },
        ]}
      />
    </div>
  );
}

function Checks({ ready }) {
  if (!ready) return null;
  return (
    <p class="checks" role="status">
      <strong class={ready.status === "ready" ? "good" : "bad"}>{ready.status}</strong>
      {Object.entries(ready.checks).map(([name, state]) => (
        <span class={state === "ok" ? "good" : "bad"}>
          {name}: {state}
        </span>
      ))}
    </p>
  );
}

function Tiles({ values, last }) {
  const of = (name) => values.get(name);
  const lookUps = (of("portcullis_session_cache_hits_total") ?? 0) + (of("portcullis_session_cache_misses_total") ?? 0);
  const hits = lookUps ? (100 * of("portcullis_session_cache_hits_total")) / lookUps : null;
  const resolves = last && last.found + last.refused + last.failed;
  return (
    <dl class="tiles">
      <Tile label="Resolves" value={shown(resolves, "/s")} />
      <Tile label="p99 of a resolve" value={shown(last?.p99, " µs")} />
      <Tile label="Failed" value={shown(last?.failed, "/s")} is={last?.failed > 0 ? "bad" : ""} />
      <Tile label="Age of the log" value={shown(last?.logAge, " ms")} />
      <Tile label="Sessions in memory" value={shown(of("portcullis_session_cache_active_entries"))} />
      <Tile label="Answered from memory" value={shown(hits, " %")} />
      <Tile
        label="Followers of the feed"
        value={shown(of("portcullis_revocation_subscribers") + of("portcullis_revocation_long_polls"))}
      />
      <Tile label="Connections" value={shown(of("portcullis_http_connections"))} />
      <Tile
        label="Database workers busy"
        value={`${shown(of("portcullis_db_workers_busy"))} of ${shown(of("portcullis_db_workers"))}`}
      />
      <Tile label="Memory" value={shown((of("process_resident_memory_bytes") ?? 0) / 2 ** 20, " MiB")} />
    </dl>
  );
}

/** What the database counts: asked once, since it is a query. */
function Counted() {
  const [state, setState] = useState({});
  async function count() {
    try {
      setState({ stats: await get(paths.stats) });
    } catch (problem) {
      setState({ problem });
    }
  }
  const { stats } = state;
  if (!stats)
    return (
      <p>
        <button onClick={count}>Count accounts and sessions</button>
        <Trouble problem={state.problem} />
      </p>
    );
  return (
    <dl class="tiles">
      <Tile label="Accounts" value={shown(stats.accounts)} />
      <Tile label="of them guests" value={shown(stats.guests)} />
      <Tile label={`Active sessions${stats.estimated ? " (estimated)" : ""}`} value={shown(stats.active_sessions)} />
    </dl>
  );
}

export function Overview() {
  const { values, points, ready, problem } = useNumbers();
  if (!values && !problem) return <Busy what="Reading the numbers" />;
  return (
    <>
      <Trouble problem={problem} />
      <Checks ready={ready} />
      {values ? <Tiles values={values} last={points.at(-1)} /> : null}
      <Counted />
      {values ? <Plots points={points} /> : null}
      <p class="faint">This replica's, every two seconds. Others have numbers of their own.</p>
    </>
  );
}
