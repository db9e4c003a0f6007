import { get, paths } from "../api.js";
import { useAnswer } from "../hooks.js";
import { Busy, Empty, Trouble, inWords } from "../ui.jsx";

function Row({ caller }) {
  const { rate } = caller;
  return (
    <tr>
      <th scope="row">{caller.name}</th>
      <td>
        <ul class="plain">
          {caller.may.map((right) => (
            <li key={right}>
              <code>{right}</code>
            </li>
          ))}
        </ul>
      </td>
      <td>{inWords(caller.keys, "key")}</td>
      <td>
        {caller.certificates.length === 0 ? <span class="faint">none</span> : null}
        <ul class="plain">
          {caller.certificates.map((name) => (
            <li key={name} class="id">
              {name}
            </li>
          ))}
        </ul>
      </td>
      <td>{rate ? `${rate.quota} in ${rate.window_s} s` : <span class="faint">as all</span>}</td>
    </tr>
  );
}

export function Callers() {
  const answer = useAnswer((signal) => get(paths.callers, { signal }), []);
  const { value } = answer;
  return (
    <>
      <p>
        Who may ask, as this replica has read <code>BACKEND_CALLERS_FILE</code>. Keys are made by{" "}
        <code>portcullis key new</code>, and shown that once.
      </p>
      <Trouble problem={answer.problem} again={answer.again} />
      {!value && !answer.problem ? <Busy what="Reading the callers" /> : null}
      {value && !value.required ? (
        <Empty>There is no callers' file: whoever reaches the port is believed. Keep it on a network of its own.</Empty>
      ) : null}
      {value?.callers.length ? (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Callers">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">May</th>
                <th scope="col">Keys</th>
                <th scope="col">Certificates</th>
                <th scope="col">Limit</th>
              </tr>
            </thead>
            <tbody>
              {value.callers.map((caller) => (
                <Row key={caller.name} caller={caller} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}
