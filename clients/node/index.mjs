// Portcullis from Node 18 or later: calls, and a cache of sessions that hears of every revocation. No package.
export { SessionCache } from "./cache.mjs";
export { connectGuard, fetchGuard, honoGuard } from "./guard.mjs";
export { Client, Problem, Unavailable } from "./client.mjs";
export { Denied, Follower } from "./follower.mjs";
