import { useEffect, useState } from "preact/hooks";
import { ask, get, paths, withQuery } from "../api.js";
import { useAnswer } from "../hooks.js";
import { Busy, Confirm, Empty, Id, Time, Trouble, inWords } from "../ui.jsx";

const PAGE = 100;

/** A list that is read page by page: {items, next, problem, isBusy, more, again}. */
function usePages(read, inputs) {
  const first = useAnswer((signal) => read(undefined, signal), inputs);
  const [rest, setRest] = useState({ items: [] });
  useEffect(() => setRest({ items: [] }), [first.value]);
  const isFirst = rest.next === undefined && rest.items.length === 0;
  const next = isFirst ? first.value?.next : rest.next;
  async function more() {
    try {
      const page = await read(next);
      setRest({ items: [...rest.items, ...page.items], next: page.next });
    } catch (problem) {
      setRest({ ...rest, problem });
    }
  }
  return {
    items: first.value ? [...first.value.items, ...rest.items] : null,
    next,
    more,
    problem: first.problem ?? rest.problem,
    isBusy: first.isBusy,
    again: first.again,
  };
}

function Facts({ account }) {
  return (
    <dl class="facts">
      <dt>Account</dt>
      <dd>
        <Id value={account.account_id} />
      </dd>
      <dt>Name</dt>
      <dd>{account.display_name ?? <span class="faint">none</span>}</dd>
      <dt>Kind</dt>
      <dd>{account.is_guest ? "guest" : "full account"}</dd>
      <dt>Made</dt>
      <dd>
        <Time at={account.created_at} />
      </dd>
      <dt>Identities</dt>
      <dd>
        {account.identities.length === 0 ? <span class="faint">none</span> : null}
        <ul class="plain">
          {account.identities.map((i) => (
            <li>
              {i.kind} <code>{i.external_id}</code> <Time at={i.created_at} />
            </li>
          ))}
        </ul>
      </dd>
    </dl>
  );
}

function SessionRow({ session, isAsked, end }) {
  const { label, user_agent: agent, ip } = session.device;
  return (
    <tr class={isAsked ? "asked" : ""}>
      <td>
        <Id value={session.session_id} />
      </td>
      <td>
        {label ?? agent ?? <span class="faint">not said</span>}
        {label && agent ? <small class="faint block">{agent}</small> : null}
      </td>
      <td>{ip ?? <span class="faint">–</span>}</td>
      <td>
        <Time at={session.created_at} />
        {session.expires_at ? (
          <small class="faint block">
            until <Time at={session.expires_at} />
          </small>
        ) : null}
      </td>
      <td class="stays">
        <button class="destroys small" onClick={() => end(session)} aria-label={`End the session ${session.session_id}`}>
          End
        </button>
      </td>
    </tr>
  );
}

function Sessions({ account, asked, changed }) {
  const id = account.account_id;
  const list = usePages(
    async (after, signal) => {
      const page = await get(withQuery(paths.sessionsOf(id), { limit: PAGE, after }), { signal });
      return { items: page.sessions, next: page.next };
    },
    [id],
  );
  const [ending, setEnding] = useState(null);
  async function end(path, reason) {
    const { revoked } = await ask("DELETE", path, { body: reason ? { reason } : undefined });
    list.again();
    changed(typeof revoked === "number" ? `${inWords(revoked, "session")} ended.` : "The session has ended.");
  }
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Active sessions</h2>
      <Trouble problem={list.problem} again={list.again} />
      {list.items === null && !list.problem ? <Busy what="Reading the sessions" /> : null}
      {list.items?.length === 0 ? <Empty>None: whoever had one has to sign in again.</Empty> : null}
      {list.items?.length > 0 ? (
        <>
          <p>
            <span role="status">
              {inWords(list.items.length, "session")}
              {list.next ? ", and more" : ""}
            </span>{" "}
            <button class="destroys" onClick={() => setEnding("all")}>
              End all
            </button>
          </p>
          <div class="scrolls">
            <table>
              <thead>
                <tr>
                  <th scope="col">Session</th>
                  <th scope="col">Device</th>
                  <th scope="col">Address</th>
                  <th scope="col">Made</th>
                  <th scope="col">
                    <span class="unseen">End</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((s) => (
                  <SessionRow key={s.session_id} session={s} isAsked={s.session_id === asked} end={setEnding} />
                ))}
              </tbody>
            </table>
          </div>
          {list.next ? <button onClick={list.more}>More</button> : null}
        </>
      ) : null}
      {ending === "all" ? (
        <Confirm
          title="End all sessions of this account?"
          phrase="end all"
          action="End all"
          act={(reason) => end(paths.sessionsOf(id), reason)}
          close={() => setEnding(null)}
        >
          <p>Also those that are not shown. The person has to sign in again everywhere.</p>
        </Confirm>
      ) : ending ? (
        <Confirm
          title="End this session?"
          action="End"
          act={(reason) => end(paths.session(ending.session_id), reason)}
          close={() => setEnding(null)}
        >
          <p>
            <Id value={ending.session_id} /> on {ending.device.label ?? ending.device.user_agent ?? "a device"}.
          </p>
        </Confirm>
      ) : null}
    </section>
  );
}

function Timeline({ id, turn }) {
  const list = usePages(
    async (after, signal) => {
      const page = await get(withQuery(paths.audit, { account_id: id, limit: PAGE, after }), { signal });
      return { items: page.events, next: page.next };
    },
    [id, turn],
  );
  const isAbsent = list.problem?.code === "route_unknown";
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      {isAbsent ? <Empty>This service keeps no audit.</Empty> : <Trouble problem={list.problem} again={list.again} />}
      {list.items === null && !list.problem ? <Busy what="Reading the audit" /> : null}
      {list.items?.length === 0 ? <Empty>Nothing is kept of this account, or not any more.</Empty> : null}
      <ol class="timeline">
        {list.items?.map((e) => (
          <li key={e.event_id}>
            <Time at={e.occurred_at} /> <strong>{e.action}</strong> by {e.caller ?? e.actor ?? "nobody known"}
            {e.session_id ? (
              <>
                {" "}
                <Id value={e.session_id} />
              </>
            ) : null}
            {e.reason ? <q>{e.reason}</q> : null}
            {e.address ? <span class="faint"> from {e.address}</span> : null}
          </li>
        ))}
      </ol>
      {list.next ? <button onClick={list.more}>More</button> : null}
    </section>
  );
}

export function Account({ parts, query }) {
  const id = parts[0] ?? "";
  const [turn, setTurn] = useState(0);
  const [told, setTold] = useState("");
  const found = useAnswer((signal) => get(paths.account(id), { signal }), [id]);
  if (found.problem?.code === "account_not_found")
    return <Empty>There is no account {id}. It may have been deleted, or swept as a guest.</Empty>;
  if (found.problem) return <Trouble problem={found.problem} again={found.again} />;
  if (!found.value) return <Busy what="Reading the account" />;
  return (
    <>
      <Facts account={found.value.account} />
      <p class="good" role="status">
        {told}
      </p>
      <Sessions
        account={found.value.account}
        asked={query.get("session")}
        changed={(text) => {
          setTold(text);
          setTurn(turn + 1);
        }}
      />
      <Timeline id={id} turn={turn} />
    </>
  );
}
