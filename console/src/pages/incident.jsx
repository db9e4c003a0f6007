import { useEffect, useState } from "preact/hooks";
import { ask, get, paths } from "../api.js";
import { useEvery } from "../hooks.js";
import { Busy, Confirm, Empty, Field, Id, Time, Trouble, inWords } from "../ui.jsx";

const EVERY_MS = 1000;
const WAYS = [
  ["filter", "those that match"],
  ["accounts", "those of these accounts"],
  ["sessions", "these"],
  ["all", "every one"],
];

const lines = (text) => text.split(/[\s,]+/).filter(Boolean);
const instant = (local) => (local ? new Date(local).toISOString() : undefined);

/** What the form selects, as the service takes it; null while nothing is said. */
function selectorOf(form) {
  if (form.way === "all") return { all: true };
  if (form.way !== "filter") {
    const ids = lines(form.ids);
    return ids.length ? { [form.way]: ids } : null;
  }
  const filter = {
    created_after: instant(form.created_after),
    created_before: instant(form.created_before),
    ip_in: lines(form.ip_in).length ? lines(form.ip_in) : undefined,
    user_agent_contains: form.user_agent_contains || undefined,
    guest: form.guest === "" ? undefined : form.guest === "yes",
    identity_kind: form.identity_kind || undefined,
  };
  return Object.values(filter).some((value) => value !== undefined) ? { filter } : null;
}

function Filter({ form, set }) {
  const input = (name, more) => <input value={form[name]} onInput={(e) => set(name, e.currentTarget.value)} {...more} />;
  return (
    <div class="fields">
      <Field label="Made after">{input("created_after", { type: "datetime-local", step: 1 })}</Field>
      <Field label="Made before">{input("created_before", { type: "datetime-local", step: 1 })}</Field>
      <Field label="From these networks" hint="203.0.113.0/24 2001:db8::/32">
        {input("ip_in", { spellcheck: false })}
      </Field>
      <Field label="User agent contains">{input("user_agent_contains", { spellcheck: false, maxLength: 512 })}</Field>
      <Field label="Account">
        <select value={form.guest} onChange={(e) => set("guest", e.currentTarget.value)}>
          <option value="">any</option>
          <option value="yes">guests</option>
          <option value="no">full accounts</option>
        </select>
      </Field>
      <Field label="With an identity of kind">
        <select value={form.identity_kind} onChange={(e) => set("identity_kind", e.currentTarget.value)}>
          <option value="">any</option>
          <option value="email">e-mail</option>
          <option value="telegram">Telegram</option>
        </select>
      </Field>
    </div>
  );
}

function Form({ query }) {
  const [form, setForm] = useState({
    way: "filter",
    ids: "",
    created_after: "",
    created_before: "",
    ip_in: query.get("ip_in") ?? "",
    user_agent_contains: "",
    guest: "",
    identity_kind: "",
  });
  const [state, setState] = useState({});
  const [isAsking, setAsking] = useState(false);
  const selector = selectorOf(form);
  function set(name, value) {
    setForm((f) => ({ ...f, [name]: value }));
    setState({}); // what was counted is not what the form says now
  }
  async function count(event) {
    event.preventDefault();
    setState({ isBusy: true });
    try {
      const counts = await ask("POST", paths.revocations, { body: { ...selector, dry_run: true } });
      setState({ counts, selector });
    } catch (problem) {
      setState({ problem });
    }
  }
  async function end(reason) {
    const body = { ...state.selector, reason, dry_run: false };
    const { job_id: id } = await ask("POST", paths.revocations, { body });
    location.hash = `#/incident/${id}`;
  }
  const { counts } = state;
  return (
    <>
      <p>End many sessions at once. First they are counted; nothing ends before you have confirmed the number.</p>
      <form onSubmit={count}>
        <fieldset>
          <legend>Sessions</legend>
          {WAYS.map(([way, label]) => (
            <label class="choice">
              <input type="radio" name="way" checked={form.way === way} onChange={() => set("way", way)} /> {label}
            </label>
          ))}
        </fieldset>
        {form.way === "filter" ? <Filter form={form} set={set} /> : null}
        {form.way === "accounts" || form.way === "sessions" ? (
          <Field label="Ids" hint="One to a line, or with blanks between.">
            <textarea rows={5} spellcheck={false} value={form.ids} onInput={(e) => set("ids", e.currentTarget.value)} />
          </Field>
        ) : null}
        <button class="main" disabled={!selector || state.isBusy}>
          {state.isBusy ? "Counting…" : "Count"}
        </button>
        {selector ? null : <span class="faint"> Say which first.</span>}
      </form>
      {state.problem?.code === "route_unknown" ? (
        <Empty>This service cannot end sessions in bulk.</Empty>
      ) : (
        <Trouble problem={state.problem} />
      )}
      {counts ? (
        <div class="counted">
          <p role="status">
            <strong>{inWords(counts.sessions, "session")}</strong> of {inWords(counts.accounts, "account")} would end.
          </p>
          <button class="destroys" disabled={counts.sessions === 0} onClick={() => setAsking(true)}>
            End them
          </button>
        </div>
      ) : null}
      {isAsking ? (
        <Confirm
          title={`End ${inWords(counts.sessions, "session")}?`}
          phrase={`end ${counts.sessions}`}
          action="End them"
          act={end}
          close={() => setAsking(false)}
        >
          <p>
            {inWords(counts.accounts, "account")} have to sign in again. It cannot be undone. Sessions that match by then
            end as well.
          </p>
        </Confirm>
      ) : null}
    </>
  );
}

function Progress({ id }) {
  const [state, setState] = useState({});
  useEffect(() => setState({}), [id]);
  useEvery(
    EVERY_MS,
    async (signal) => {
      if (state.job?.state === "done") return;
      try {
        const job = await get(`${paths.revocations}/${encodeURIComponent(id)}`, { signal });
        setState({ job });
      } catch (problem) {
        if (!signal.aborted) setState((s) => ({ ...s, problem }));
      }
    },
    [id],
  );
  const { job, problem } = state;
  if (problem?.status === 404) return <Empty>There is no such job, or it is not kept any more.</Empty>;
  if (!job && !problem) return <Busy what="Reading the job" />;
  return (
    <>
      <Trouble problem={problem} />
      {job ? (
        <section>
          <h2>
            {job.state === "done" ? "Done" : job.state === "pending" ? "Waiting" : "Under way"}: <Id value={job.job_id} />
          </h2>
          <p role="status">
            {inWords(job.done.sessions, "session")} of {inWords(job.done.accounts, "account")} ended
            {job.total ? `, of ${inWords(job.total.sessions, "session")}` : ""}.
          </p>
          <progress
            aria-label="Sessions ended"
            max={job.total ? Math.max(job.total.sessions, 1) : undefined}
            value={job.state === "done" ? (job.total?.sessions || 1) : job.total ? job.done.sessions : undefined}
          />
          <dl class="facts">
            <dt>Reason</dt>
            <dd>{job.reason || <span class="faint">none</span>}</dd>
            <dt>Accepted</dt>
            <dd>
              <Time at={job.accepted_at} />
            </dd>
            <dt>Finished</dt>
            <dd>
              <Time at={job.finished_at} />
            </dd>
            <dt>Cursor</dt>
            <dd>{job.cursor ? <code>{job.cursor}</code> : <span class="faint">–</span>}</dd>
          </dl>
          <p class="faint">
            The job goes on without this page, also over a restart. Whoever follows the feed past the cursor knows of it.
          </p>
        </section>
      ) : null}
      <p>
        <a href="#/incident">Another one</a>
      </p>
    </>
  );
}

export function Incident({ parts, query }) {
  return parts[0] ? <Progress id={parts[0]} /> : <Form query={query} key={query.toString()} />;
}
