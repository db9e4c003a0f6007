import { useState } from "preact/hooks";
import { ask, get, paths } from "../api.js";
import { useAnswer, useEvery } from "../hooks.js";
import { Busy, Confirm, Empty, Time, Trouble, inWords } from "../ui.jsx";

const EVERY_MS = 5000;

function Run({ title, run }) {
  if (!run) return null;
  return (
    <section>
      <h2>{title}</h2>
      <dl class="facts">
        <dt>Began</dt>
        <dd>
          <Time at={run.started_at} />
        </dd>
        <dt>Took</dt>
        <dd>{run.took_ms} ms</dd>
        <dt>Removed</dt>
        <dd>
          {inWords(run.guests, "guest")}, {inWords(run.sessions, "dead session")}, {inWords(run.events, "event")}
        </dd>
        {run.elsewhere ? (
          <>
            <dt>Where</dt>
            <dd>another replica was sweeping, and this one left it to that</dd>
          </>
        ) : null}
        {run.error ? (
          <>
            <dt>Failed</dt>
            <dd class="bad">{run.error}</dd>
          </>
        ) : null}
      </dl>
    </section>
  );
}

export function Sweep() {
  const status = useAnswer((signal) => get(paths.sweep, { signal }), []);
  useEvery(EVERY_MS, async () => status.again(), []);
  const [counted, setCounted] = useState({});
  const [isAsking, setAsking] = useState(false);
  async function count() {
    setCounted({ isBusy: true });
    try {
      setCounted(await ask("POST", `${paths.sweep}/run`, { body: { dry_run: true } }));
    } catch (problem) {
      setCounted({ problem });
    }
  }
  async function sweep() {
    await ask("POST", `${paths.sweep}/run`, { body: { dry_run: false } });
    setCounted({});
    status.again();
  }
  const { value } = status;
  return (
    <>
      <p>Guests that nobody has used for long, dead sessions and old events are removed at intervals.</p>
      <Trouble problem={status.problem} again={status.again} />
      {!value && !status.problem ? <Busy what="Reading how it stands" /> : null}
      {value ? (
        <p role="status">
          {value.running ? "It runs now." : "It does not run now."} Next: <Time at={value.next_at} />
        </p>
      ) : null}
      <p>
        <button onClick={count} disabled={counted.isBusy}>
          {counted.isBusy ? "Counting…" : "Count"}
        </button>{" "}
        <button class="destroys" onClick={() => setAsking(true)}>
          Sweep now
        </button>
      </p>
      {counted.guests !== undefined ? <p role="status">{inWords(counted.guests, "guest")} would go now.</p> : null}
      <Trouble problem={counted.problem} />
      <Run title="Under way" run={value?.current} />
      <Run title="The last one" run={value?.last} />
      {value && !value.last && !value.current ? <Empty>This replica has not swept since it started.</Empty> : null}
      {isAsking ? (
        <Confirm
          title="Sweep now?"
          action="Sweep"
          hasReason={false}
          act={sweep}
          close={() => setAsking(false)}
        >
          <p>Abandoned guests are deleted with their sessions. The answer comes when it is over.</p>
        </Confirm>
      ) : null}
    </>
  );
}
