import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** The page's address behind the `#`, and what follows its `?`. Deep links are fragments: an id in one reaches no log. */
export function readAddress() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export function useAddress() {
  const [address, setAddress] = useState(readAddress);
  useEffect(() => {
    const changed = () => setAddress(readAddress());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return address;
}

/** Asks once, and again on `again()`: {value, problem, isBusy, again}. What was there stays while it asks. */
export function useAnswer(asks, inputs) {
  const [state, setState] = useState({ isBusy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, isBusy: true }));
    asks(stop.signal).then(
      (value) => stop.signal.aborted || setState({ value, isBusy: false }),
      (problem) => stop.signal.aborted || setState((before) => ({ value: before.value, problem, isBusy: false })),
    );
    return () => stop.abort();
  }, [...inputs, turn]);
  return { ...state, again: useCallback(() => setTurn((n) => n + 1), []) };
}

/** Calls `each(signal)` now and every so often, one at a time, while the page is looked at. */
export function useEvery(milliseconds, each, inputs = []) {
  const latest = useRef(each);
  latest.current = each;
  useEffect(() => {
    const stop = new AbortController();
    let timer;
    async function turn() {
      if (!document.hidden) await latest.current(stop.signal);
      if (!stop.signal.aborted) timer = setTimeout(turn, milliseconds);
    }
    turn();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, inputs);
}
