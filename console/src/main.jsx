import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get, paths, setKey, trustGateway } from "./api.js";
import { useAddress } from "./hooks.js";
import { Account } from "./pages/account.jsx";
import { Callers } from "./pages/callers.jsx";
import { Feed } from "./pages/feed.jsx";
import { Followers } from "./pages/followers.jsx";
import { Incident } from "./pages/incident.jsx";
import { Overview } from "./pages/overview.jsx";
import { Search } from "./pages/search.jsx";
import { Sweep } from "./pages/sweep.jsx";
import { SignIn } from "./sign_in.jsx";
import { Busy, Empty, Trouble } from "./ui.jsx";
import "./style.css";

const PAGES = [
  { name: "overview", title: "Overview", letter: "o", shows: Overview },
  { name: "search", title: "Search", letter: "s", shows: Search },
  { name: "incident", title: "Incident", letter: "i", shows: Incident },
  { name: "feed", title: "Feed", letter: "f", shows: Feed },
  { name: "followers", title: "Followers", letter: "l", shows: Followers },
  { name: "callers", title: "Callers", letter: "c", shows: Callers },
  { name: "sweep", title: "Sweep", letter: "w", shows: Sweep },
  { name: "account", title: "Account", shows: Account },
];
const IN_MENU = PAGES.filter((page) => page.letter);
const LETTER_WAIT_MS = 1500; // between `g` and the page's letter

let wantsSearchField = false;

function focusSearchField() {
  const field = document.querySelector("input[type=search]");
  wantsSearchField = !field;
  field?.focus();
}

/**
 * `/` goes to the search, `g` and a letter to a page, `?` shows which. Not while something is typed. The keys are heeded
 * from the moment at which the page can be seen.
 */
function useKeys(showHelp) {
  useLayoutEffect(() => {
    let began = 0;
    function pressed(event) {
      const isTyping = event.target.closest("input, textarea, select, dialog");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const page = event.timeStamp - began < LETTER_WAIT_MS && IN_MENU.find((p) => p.letter === event.key);
      began = event.key === "g" ? event.timeStamp : 0;
      if (page) location.hash = `#/${page.name}`;
      else if (event.key === "?") showHelp();
      else if (event.key === "/") {
        event.preventDefault();
        focusSearchField();
        location.hash = "#/search";
      }
    }
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function Help({ close }) {
  const dialog = useRef();
  useEffect(() => dialog.current.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="facts">
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>search</dd>
        {IN_MENU.map((page) => (
          <>
            <dt>
              <kbd>g</kbd> <kbd>{page.letter}</kbd>
            </dt>
            <dd>{page.title}</dd>
          </>
        ))}
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>close a dialog</dd>
      </dl>
      <p class="buttons">
        <button onClick={close}>Close</button>
      </p>
    </dialog>
  );
}

function Frame({ signOut }) {
  const address = useAddress();
  const heading = useRef();
  const [hasHelp, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  const name = address.parts[0] ?? "overview";
  const page = PAGES.find((each) => each.name === name);
  useEffect(() => {
    document.title = `${page?.title ?? "Not found"} – Portcullis`;
  }, [name]);
  // Who comes to another page hears its name, or types at once if that is what they came for.
  useEffect(() => (wantsSearchField ? focusSearchField() : heading.current?.focus()), [address.parts.join("/")]);
  const Shown = page?.shows;
  return (
    <>
      <a class="skip" href="#content" onClick={(e) => (e.preventDefault(), heading.current.focus())}>
        Skip to the content
      </a>
      <header>
        <a class="brand" href="#/overview">
          Portcullis
        </a>
        <nav aria-label="Pages">
          {IN_MENU.map((each) => (
            <a href={`#/${each.name}`} aria-current={each.name === name ? "page" : undefined}>
              {each.title}
            </a>
          ))}
        </nav>
        <span class="tools">
          <button class="quiet" onClick={() => setHelp(true)}>
            Keys
          </button>
          {signOut ? (
            <button class="quiet" onClick={signOut}>
              Sign out
            </button>
          ) : null}
        </span>
      </header>
      <main id="content">
        <h1 ref={heading} tabIndex={-1}>
          {page?.title ?? "Not found"}
        </h1>
        {Shown ? <Shown parts={address.parts.slice(1)} query={address.query} /> : <Empty>There is no such page.</Empty>}
      </main>
      {hasHelp ? <Help close={() => setHelp(false)} /> : null}
    </>
  );
}

/** Who sits behind a gateway that proves them, or before a service without callers, needs no key. */
function Console() {
  const [state, setState] = useState({ is: "asking" });
  function tryWithout() {
    setState({ is: "asking" });
    get(paths.sweep).then(
      () => setState({ is: "in" }),
      (problem) => setState(problem.code === "caller_unknown" ? { is: "out" } : { is: "stuck", problem }),
    );
  }
  useEffect(tryWithout, []);
  function signOut() {
    setKey(null);
    trustGateway(false);
    setState({ is: "out" });
  }
  if (state.is === "asking") return <Busy what="Asking the service" />;
  if (state.is === "stuck")
    return (
      <main class="narrow">
        <h1>Portcullis</h1>
        <Trouble problem={state.problem} again={tryWithout} />
      </main>
    );
  if (state.is === "out") return <SignIn done={() => setState({ is: "in", hasKey: true })} />;
  return <Frame signOut={state.hasKey ? signOut : null} />;
}

render(<Console />, document.getElementById("console"));
