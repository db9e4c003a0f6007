// Guards: they let requests through whose bearer token is a live session's, and answer the others themselves: 401, or 503
// while nobody can say.
import { Unavailable } from "./client.mjs";
import { Denied } from "./follower.mjs";
import { isToken } from "./token.mjs";

const BEARER = /^bearer +(\S+)$/i;

const TITLES = {
  request_malformed: [400, "Malformed request", "more than one Authorization field"],
  token_missing: [401, "Token missing", "a bearer token is needed"],
  token_malformed: [401, "Token malformed", "this is no session's token"],
  session_unknown: [401, "Session unknown", "the session is not alive"],
  session_revoked: [401, "Session revoked", "the session is not alive"],
  session_expired: [401, "Session expired", "the session is not alive"],
  history_stale: [503, "Session service away", "nobody can vouch for the session now"],
};

// {status, headers, body} of problem+json.
function refusal(code) {
  const [status, title, detail] = TITLES[code];
  const headers = { "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
  if (status === 401) {
    const error = code === "token_missing" ? "" : ', error="invalid_token"';
    headers["WWW-Authenticate"] = `Bearer realm="portcullis"${error}`;
  }
  if (status === 503) headers["Retry-After"] = "1";
  const type = `urn:portcullis:problem:${code}`;
  return { status, headers, body: JSON.stringify({ type, title, status, code, detail }) };
}

// {session} or {refused}. `fields`: the Authorization fields of the request.
async function judge(follower, fields) {
  if (fields.length > 1) return { refused: refusal("request_malformed") };
  const token = BEARER.exec(fields[0]?.trim() ?? "")?.[1];
  if (!token) return { refused: refusal("token_missing") };
  if (!isToken(token)) return { refused: refusal("token_malformed") };
  try {
    return { session: await follower.verify(token) };
  } catch (error) {
    if (error instanceof Denied) return { refused: refusal(error.code) };
    if (error instanceof Unavailable) return { refused: refusal("history_stale") };
    throw error;
  }
}

function rawFields(raw) {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1].toLowerCase() === "authorization");
}

// For Express and whatever takes `(req, res, next)`: the session is `req.portcullis`.
export function connectGuard(follower) {
  return async (req, res, next) => {
    let verdict;
    try {
      verdict = await judge(follower, rawFields(req.rawHeaders));
    } catch (error) {
      return next(error);
    }
    if (verdict.session) {
      req.portcullis = verdict.session;
      return next();
    }
    const { status, headers, body } = verdict.refused;
    res.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
    res.end(req.method === "HEAD" ? undefined : body);
  };
}

// For handlers of `Request`: `handle(request, session, …)`. `Headers` joins fields of one name, and so two are no token.
export function fetchGuard(follower, handle) {
  return async (request, ...rest) => {
    const field = request.headers.get("Authorization");
    const { session, refused } = await judge(follower, field === null ? [] : [field]);
    if (session) return handle(request, session, ...rest);
    return new Response(request.method === "HEAD" ? null : refused.body, refused);
  };
}

// For Hono: the session is `c.get("portcullis")`.
export function honoGuard(follower) {
  return (c, next) =>
    fetchGuard(follower, (_, session) => {
      c.set("portcullis", session);
      return next();
    })(c.req.raw);
}
