import { useEffect, useRef, useState } from "preact/hooks";
import { get, paths, withQuery } from "../api.js";
import { useAnswer } from "../hooks.js";
import { Busy, Empty, Id, Time, Trouble, inWords } from "../ui.jsx";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)(\/\d{1,3})?$/i;
const PAGE = 50;

/** An id is an account's or a session's; the account is what is shown of either. */
async function accountOf(id, signal) {
  try {
    const { account } = await get(paths.account(id), { signal });
    return { accounts: [account] };
  } catch (problem) {
    if (problem.code !== "account_not_found") throw problem;
  }
  try {
    const { session } = await get(paths.session(id), { signal });
    const { account } = await get(paths.account(session.account_id), { signal });
    return { accounts: [account], session };
  } catch (problem) {
    if (problem.code === "session_not_found") return { accounts: [] };
    throw problem;
  }
}

function find(text, after, signal) {
  if (UUID.test(text)) return accountOf(text, signal);
  return get(withQuery(paths.accounts, { external_id: text, limit: PAGE, after }), { signal });
}

function Found({ accounts, session }) {
  return (
    <div class="scrolls">
      <table>
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col">Name</th>
            <th scope="col">Identities</th>
            <th scope="col">Made</th>
          </tr>
        </thead>
        <tbody>
          {accounts.map((a) => (
            <tr key={a.account_id}>
              <td>
                <Id
                  value={a.account_id}
                  href={`#/account/${a.account_id}${session ? `?session=${session.session_id}` : ""}`}
                />
              </td>
              <td>{a.display_name ?? <span class="faint">{a.is_guest ? "guest" : "–"}</span>}</td>
              <td>{a.identities.map((i) => i.external_id).join(", ") || <span class="faint">none</span>}</td>
              <td>
                <Time at={a.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Results({ text }) {
  const [more, setMore] = useState({ accounts: [] });
  const first = useAnswer((signal) => find(text, undefined, signal), [text]);
  useEffect(() => setMore({ accounts: [] }), [text]);
  if (first.problem) return <Trouble problem={first.problem} again={first.again} />;
  if (!first.value) return <Busy what="Searching" />;
  const accounts = [...first.value.accounts, ...more.accounts];
  const next = more.accounts.length ? more.next : first.value.next;
  if (accounts.length === 0)
    return <Empty>Nothing begins with “{text}”. An id must be whole; an e-mail address may be its beginning.</Empty>;
  async function goOn() {
    try {
      const page = await find(text, next);
      setMore({ accounts: [...more.accounts, ...page.accounts], next: page.next });
    } catch (problem) {
      setMore({ ...more, problem });
    }
  }
  return (
    <>
      <p role="status">
        {inWords(accounts.length, "account")}
        {next ? ", and more" : ""}
        {first.value.session ? ", found by its session" : ""}
      </p>
      <Found accounts={accounts} session={first.value.session} />
      <Trouble problem={more.problem} />
      {next ? <button onClick={goOn}>More</button> : null}
    </>
  );
}

export function Search({ query }) {
  const asked = query.get("q") ?? "";
  const field = useRef();
  useEffect(() => {
    field.current.value = asked;
  }, [asked]);
  function submit(event) {
    event.preventDefault();
    location.hash = `#/search?q=${encodeURIComponent(field.current.value.trim())}`;
  }
  return (
    <>
      <form class="search" role="search" onSubmit={submit}>
        <label for="q">Account id, session id, or how an identity begins</label>
        <span class="row">
          <input id="q" type="search" ref={field} placeholder="ada@example.org" spellcheck={false} autocomplete="off" />
          <button class="main">Search</button>
        </span>
      </form>
      {asked === "" ? (
        <Empty>Type what you know. An IP address leads to the incident page, which counts sessions by network.</Empty>
      ) : ADDRESS.test(asked) ? (
        <p>
          Accounts are not found by address.{" "}
          <a href={`#/incident?ip_in=${encodeURIComponent(asked)}`}>Count the sessions from {asked}</a>
        </p>
      ) : (
        <Results text={asked} />
      )}
    </>
  );
}
