// Handlers behind each of the guards, on Node's own server:
//
//   node guarded.mjs http://127.0.0.1:8080
//
// `/` is behind the one for `(req, res, next)`, `/fetch` behind the one for `Request`, `/hono` behind Hono's. It prints its
// port, and ends with its standard input.
import { createServer } from "node:http";

import { Client, connectGuard, fetchGuard, Follower, honoGuard } from "../index.mjs";

const told = (session) => JSON.stringify({ account_id: session.account_id, session_id: session.session_id });
const json = { "Content-Type": "application/json" };

const follower = new Follower(new Client(process.argv[2])).start();
const guard = connectGuard(follower);
const fetchHandler = fetchGuard(follower, (_, session) => new Response(told(session), { headers: json }));

// What Hono does with a middleware, of which no more is needed here than this.
async function honoHandler(request) {
  const values = {};
  const context = { req: { raw: request }, set: (name, value) => (values[name] = value), get: (name) => values[name] };
  let answer;
  const next = async () => {
    answer = new Response(told(context.get("portcullis")), { headers: json });
  };
  return (await honoGuard(follower)(context, next)) ?? answer;
}

async function answer(handler, req, res) {
  const headers = new Headers();
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
  const response = await handler(new Request("http://guarded.example/", { method: req.method, headers }));
  res.statusCode = response.status;
  for (const [name, value] of response.headers) res.setHeader(name, value);
  res.end(await response.text());
}

const server = createServer((req, res) => {
  if (req.url === "/fetch") return answer(fetchHandler, req, res);
  if (req.url === "/hono") return answer(honoHandler, req, res);
  return guard(req, res, (error) => {
    res.statusCode = error ? 500 : 200;
    res.setHeader("Content-Type", "application/json");
    res.end(error ? "{}" : told(req.portcullis));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", async () => {
  server.close();
  server.closeAllConnections();
  await follower.stop();
});
