import { useState } from "preact/hooks";
import { get, paths, setKey } from "./api.js";
import { Field, Trouble } from "./ui.jsx";

/** Takes a caller's key and tries it. It is kept in memory alone: a reload asks for it again. */
export function SignIn({ done }) {
  const [text, setText] = useState("");
  const [state, setState] = useState({});
  async function submit(event) {
    event.preventDefault();
    setState({ isBusy: true });
    setKey(text.trim());
    try {
      await get(paths.sweep);
      done();
    } catch (problem) {
      setKey(null);
      setState({ problem });
    }
  }
  return (
    <main class="narrow">
      <h1>Portcullis</h1>
      <form onSubmit={submit}>
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
        </button>
      </form>
    </main>
  );
}
