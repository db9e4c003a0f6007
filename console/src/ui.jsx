import { useEffect, useRef, useState } from "preact/hooks";

const HELP = {
  unreachable: "Is the service up, and is there a way to it? It is asked again.",
  caller_unknown: "The key is none of this service's. Sign out and in again with another.",
  caller_forbidden: "This key may not do that. The rights of a caller are in BACKEND_CALLERS_FILE.",
  rate_limited: "This key has asked too often. It may again in a moment.",
  route_unknown: "This listener does not serve it: the console needs the audiences internal, admin and metrics.",
  database_unavailable: "PostgreSQL is away or slow. What was asked for may or may not have happened.",
  overloaded: "The service has too much to do. Try again in a moment.",
};

/** What went wrong, what to do about it, and a way to try again. */
export function Trouble({ problem, again }) {
  if (!problem) return null;
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{problem.message}</strong> {problem.status ? <code>{`${problem.status} ${problem.code}`}</code> : null}
      </p>
      {HELP[problem.code] ? <p>{HELP[problem.code]}</p> : null}
      {again ? <button onClick={again}>Try again</button> : null}
    </div>
  );
}

export function Empty({ children }) {
  return <p class="empty">{children}</p>;
}

export function Busy({ what }) {
  return (
    <p class="busy" role="status">
      {what}…
    </p>
  );
}

/** A time as this browser's user writes it; the exact one is at hand. */
export function Time({ at }) {
  if (!at) return <span class="faint">–</span>;
  return (
    <time dateTime={at} title={at}>
      {new Date(at).toLocaleString()}
    </time>
  );
}

export function Id({ value, href }) {
  return href ? (
    <a class="id" href={href}>
      {value}
    </a>
  ) : (
    <code class="id">{value}</code>
  );
}

export function Field({ label, hint, children }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint ? <small>{hint}</small> : null}
    </label>
  );
}

const count = new Intl.NumberFormat();
export const inWords = (n, one, many = `${one}s`) => `${count.format(n)} ${n === 1 ? one : many}`;

/** Asks before something is ended. `phrase` has to be typed where much is lost. Calls `act(reason)`; stays open with the
 *  problem when that fails. */
export function Confirm({ title, children, phrase, action, act, close, hasReason = true }) {
  const dialog = useRef();
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const [state, setState] = useState({});
  useEffect(() => dialog.current.showModal(), []);
  async function submit(event) {
    event.preventDefault();
    setState({ isBusy: true });
    try {
      await act(reason.trim());
      close();
    } catch (problem) {
      setState({ problem });
    }
  }
  const isReady = !state.isBusy && (!phrase || typed === phrase);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="confirm-title">
      <form onSubmit={submit}>
        <h2 id="confirm-title">{title}</h2>
        {children}
        {hasReason ? (
          <Field label="Reason" hint="For the feed and the audit, at most 200 bytes.">
            <input value={reason} maxLength={200} onInput={(e) => setReason(e.currentTarget.value)} />
          </Field>
        ) : null}
        {phrase ? (
          <Field label={`Type “${phrase}” to go on`}>
            <input value={typed} autocomplete="off" onInput={(e) => setTyped(e.currentTarget.value)} />
          </Field>
        ) : null}
        <Trouble problem={state.problem} />
        <p class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button class="destroys" disabled={!isReady}>
            {state.isBusy ? "Working…" : action}
          </button>
        </p>
      </form>
    </dialog>
  );
}
