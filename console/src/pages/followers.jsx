import { get, paths, withQuery } from "../api.js";
import { useAnswer, useEvery } from "../hooks.js";
import { Busy, Empty, Trouble, inWords } from "../ui.jsx";

const EVERY_MS = 2000;
const SHOWN_MAX = 200;
const KINDS = { stream: "stream", long_poll: "long poll" };

/** Seconds as people say them. */
function span(seconds) {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function Row({ follower: f }) {
  return (
    <tr>
      <td>{f.caller ?? <span class="faint">nobody known</span>}</td>
      <td>{f.address ?? <span class="faint">–</span>}</td>
      <td>{KINDS[f.kind] ?? f.kind}</td>
      <td class={f.behind ? "bad" : "good"}>{f.behind ? inWords(f.behind, "event") : "up to date"}</td>
      <td>{span(f.since_s)}</td>
      <td>
        <code>{f.cursor}</code>
      </td>
    </tr>
  );
}

export function Followers() {
  const answer = useAnswer((signal) => get(withQuery(paths.followers, { limit: SHOWN_MAX }), { signal }), []);
  useEvery(EVERY_MS, async () => answer.again(), []);
  const { value } = answer;
  return (
    <>
      <p>Who follows the feed of the replica that answers. Another one has followers of its own.</p>
      <Trouble problem={answer.problem} again={answer.again} />
      {!value && !answer.problem ? <Busy what="Reading who follows" /> : null}
      {value ? (
        <dl class="facts">
          <dt>Followers</dt>
          <dd>
            {inWords(value.streams, "stream")}, {inWords(value.long_polls, "long poll")}
          </dd>
          <dt>This replica</dt>
          <dd>
            {value.lag_s < 0 ? (
              <span class="bad">has not read the log yet</span>
            ) : (
              <>
                read the log {span(value.lag_s)} ago, up to <code>{value.cursor}</code>
              </>
            )}
          </dd>
        </dl>
      ) : null}
      {value?.followers.length === 0 ? (
        <Empty>Nobody follows at this moment. A gateway's edge and the clients' followers show up here while they are connected.</Empty>
      ) : null}
      {value?.followers.length ? (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Followers">
          <table>
            <thead>
              <tr>
                <th scope="col">Caller</th>
                <th scope="col">Address</th>
                <th scope="col">How</th>
                <th scope="col">Behind</th>
                <th scope="col">For</th>
                <th scope="col">Cursor</th>
              </tr>
            </thead>
            <tbody>
              {value.followers.map((f, i) => (
                <Row key={i} follower={f} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {value && value.streams + value.long_polls > value.followers.length ? (
        <p class="faint">Only the {value.followers.length} that are furthest behind are shown.</p>
      ) : null}
    </>
  );
}
