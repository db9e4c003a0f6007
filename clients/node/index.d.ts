export interface Session {
  session_id: string;
  account_id: string;
  is_guest?: boolean;
  created_at?: string;
  expires_at?: string | null;
}

/** An answer that is no success: its status, and the code that problem documents have. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
}

/** No answer, or one that cannot be relied on. */
export class Unavailable extends Error {}

/** The token is no live session's. */
export class Denied extends Error {
  readonly code: "session_revoked" | "session_expired" | "session_unknown";
}

export interface CallOptions {
  body?: unknown;
  token?: string;
  minCursor?: string;
  timeoutMs?: number;
}

export interface Device {
  label?: string;
  user_agent?: string;
  ip?: string;
}

export class Client {
  constructor(url: string, options?: { key?: string; timeoutMs?: number });
  call(method: string, path: string, options?: CallOptions): Promise<any>;
  mintSession(holder: { accountId: string } | { kind: string; externalId: string }, device?: Device): Promise<any>;
  mintGuest(device?: Device): Promise<any>;
  resolve(token: string, minCursor?: string): Promise<Session>;
  revoke(token: string, reason?: string): Promise<{ revoked: boolean; cursor: string }>;
  revokeSession(sessionId: string, reason?: string): Promise<{ revoked: boolean; cursor: string }>;
  session(sessionId: string): Promise<any>;
  lookup(body: { hashes: string[]; min_cursor?: string }): Promise<any>;
  findOrCreateAccount(kind: string, externalId: string, displayName?: string): Promise<any>;
  account(accountId: string): Promise<any>;
  accountSessions(accountId: string): Promise<any>;
  revokeAccountSessions(accountId: string, reason?: string): Promise<{ revoked: number; cursor: string }>;
  revocations(query: string, timeoutMs?: number): Promise<any>;
}

export class SessionCache {
  constructor(options?: { entriesMax?: number; ttlMs?: number; stalenessMaxMs?: number });
}

export interface RevocationEvent {
  type: "session.revoked" | "account.revoked";
  seq: number;
  session_id?: string;
  account_id: string;
  generation?: number;
  reason: string;
  occurred_at: string;
}

export class Follower {
  constructor(
    client: Client,
    options?: {
      cache?: SessionCache;
      now?: () => number;
      /** Each event once and in order. After a reset, events may be missing before those that come. */
      onEvents?: (events: RevocationEvent[], isReset: boolean) => void;
    },
  );
  start(): this;
  stop(): Promise<void>;
  /** The session of this token; throws Denied, or Unavailable when nobody can say. */
  verify(token: string, minCursor?: string): Promise<Session>;
  readonly isCurrent: boolean;
}

/** For Express and whatever takes `(req, res, next)`: the session is `req.portcullis`. */
export function connectGuard(follower: Follower): (req: any, res: any, next: (error?: unknown) => void) => Promise<void>;

/** For handlers of `Request`: `handle` gets the session as its second argument. */
export function fetchGuard<Rest extends unknown[]>(
  follower: Follower,
  handle: (request: Request, session: Session, ...rest: Rest) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response>;

/** For Hono: the session is `c.get("portcullis")`. */
export function honoGuard(follower: Follower): (c: any, next: () => Promise<void>) => Promise<Response | void>;
