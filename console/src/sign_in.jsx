import { useState } from "preact/hooks";
import { get, paths, setKey, trustGateway } from "./api.js";
import { Field, Trouble } from "./ui.jsx";

/** Takes a caller's key and tries it. It is kept in memory alone: a reload asks for it again. */
export function SignIn({ done }) {
  const [text, setText] = useState("");
  const [state, setState] = useState({});
  async function enter(key, byGateway) {
    setState({ isBusy: true });
    setKey(key);
    trustGateway(byGateway);
    try {
      await get(paths.sweep);
      done();
    } catch (problem) {
      setKey(null);
      trustGateway(false);
      setState({ problem });
    }
  }
  return (
    <main class="narrow">
      <h1>Portcullis</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          enter(text.trim(), false);
        }}
      >
        <Field
          label="Caller's key"
          hint="From `portcullis key new`. It stays in this tab's memory and is gone when the tab closes or is loaded anew."
        >
          <input
            type="password"
            value={text}
            autocomplete="off"
            spellcheck={false}
            required
            onInput={(e) => setText(e.currentTarget.value)}
          />
        </Field>
        <Trouble problem={state.problem} />
        <button class="main" disabled={state.isBusy}>
          {state.isBusy ? "Trying…" : "Sign in"}
        </button>{" "}
        <button type="button" class="quiet" onClick={() => enter(null, true)}>
          A gateway signs me in
        </button>
      </form>
    </main>
  );
}
