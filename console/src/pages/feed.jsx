import { useEffect, useRef, useState } from "preact/hooks";
import { follow, paths } from "../api.js";
import { Empty, Id, Time, Trouble } from "../ui.jsx";

const KEPT_MAX = 200; // events that are shown
const AGAIN_MS = 1000;

/** Follows the feed from now on, and from where it was when it was cut off. */
function useFeed(isOn) {
  const [state, setState] = useState({ events: [], is: "connecting" });
  const cursor = useRef(null);
  useEffect(() => {
    if (!isOn) {
      setState((s) => ({ ...s, is: "paused" }));
      return;
    }
    const stop = new AbortController();
    let timer;
    function take({ event, id, data }) {
      if (id) cursor.current = id;
      setState((s) => {
        const next = { ...s, is: "live", cursor: cursor.current, problem: null };
        if (event) next.events = [{ event, id, ...JSON.parse(data) }, ...s.events].slice(0, KEPT_MAX);
        return next;
      });
    }
    async function run() {
      try {
        await follow(paths.feed, cursor.current, take, stop.signal);
        setState((s) => ({ ...s, is: "reconnecting" }));
      } catch (problem) {
        if (stop.signal.aborted) return;
        setState((s) => ({ ...s, is: "reconnecting", problem }));
      }
      if (!stop.signal.aborted) timer = setTimeout(run, AGAIN_MS);
    }
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [isOn]);
  return state;
}

const WHAT = { "session.revoked": "a session ended", "account.revoked": "an account's sessions ended", reset: "reset" };

function Row({ event }) {
  return (
    <tr>
      <td>
        <Time at={event.occurred_at} />
      </td>
      <td>{WHAT[event.event] ?? event.event}</td>
      <td>{event.account_id ? <Id value={event.account_id} href={`#/account/${event.account_id}`} /> : null}</td>
      <td>{event.session_id ? <Id value={event.session_id} /> : null}</td>
      <td>{event.reason}</td>
      <td>
        <code>{event.id}</code>
      </td>
    </tr>
  );
}

export function Feed() {
  const [isOn, setOn] = useState(true);
  const { events, is, cursor, problem } = useFeed(isOn);
  return (
    <>
      <p>
        <span role="status" class={is === "live" ? "good" : is === "paused" ? "" : "bad"}>
          {is}
        </span>{" "}
        {cursor ? (
          <>
            at <code>{cursor}</code>{" "}
          </>
        ) : null}
        <button onClick={() => setOn(!isOn)}>{isOn ? "Pause" : "Go on"}</button>
      </p>
      <Trouble problem={problem} />
      {events.length === 0 ? (
        <Empty>Nothing has ended since this page was opened. What ends now shows up here at once.</Empty>
      ) : (
        <div class="scrolls">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">Account</th>
                <th scope="col">Session</th>
                <th scope="col">Reason</th>
                <th scope="col">Cursor</th>
              </tr>
            </thead>
            <tbody>
              {events.map((e) => (
                <Row key={e.id} event={e} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
