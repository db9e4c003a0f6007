"""What a follower holds, and what it may answer from that. No socket and no clock: times are seconds of one monotonic
clock, and come as arguments."""

import calendar
import collections
import math
import re
import time

LOAD_ATTEMPTS_MAX = 3  # a load that revocations overtake is begun again this often
PAGE_EVENTS_MAX = 200  # of the feed, in one answer
_CURSOR = re.compile(r"([0-9a-f]{16})-([0-9]{1,20})")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?Z")


def parse_cursor(text):
    """(epoch, seq), or None for what is no cursor."""
    found = _CURSOR.fullmatch(text or "")
    return (found[1], int(found[2])) if found else None


def parse_time(text):
    """Seconds since 1970 of a time as the service writes it; ValueError for what is none."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a time")
    return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) + float(found[2] or 0)


def is_at(position, wanted):
    """Whether who has read up to `position` has read `wanted`."""
    return position is not None and position[0] == wanted[0] and position[1] >= wanted[1]


class Load:
    """A look-up at the service that is on its way."""

    def __init__(self, token_hash, wanted):
        self.token_hash, self.wanted = token_hash, wanted
        self.attempts = 0
        self.ended = set()  # sessions and accounts that were revoked since it was sent
        self.is_void = False  # everything was forgotten since


class SessionCache:
    """Sessions by the hash of their token: the least recently used goes, each is believed for `ttl_s`, and none past the
    lease, which ends `staleness_max_s` after the state of the log that was last read, or past its own end, which is told
    by the service's clock. Not thread-safe."""

    def __init__(self, entries_max=50_000, ttl_s=600.0, staleness_max_s=60.0):
        self.entries_max, self.ttl_s, self.staleness_max_s = entries_max, ttl_s, staleness_max_s
        self.position = None  # (epoch, seq): what was read of the log
        self.as_of = -math.inf  # everything that was revoked before this is known
        self._clock_ahead = None  # of the clock by which sessions end, beyond ours: no less than it is; None: not told
        self._entries = collections.OrderedDict()  # hash: (session or None if it is dead, when it was loaded)
        self._by_session = {}
        self._by_account = {}
        self._loads = set()

    def __len__(self):
        return len(self._entries)

    # -- look-ups

    def has_lease(self, now):
        return now - self.as_of < self.staleness_max_s

    def peek(self, token_hash, now, min_cursor=None):
        """("active", session), ("dead", None), or ("ask", None) when the service has to be asked."""
        held = self._entries.get(token_hash)
        if held is None:
            return "ask", None
        session, loaded = held
        if session is None:
            return "dead", None
        wanted = parse_cursor(min_cursor)
        if min_cursor and (wanted is None or not is_at(self.position, wanted)):
            return "ask", None
        if not self.has_lease(now) or now - loaded >= self.ttl_s or self._may_be_over(session, now):
            return "ask", None
        self._entries.move_to_end(token_hash)
        return "active", session

    def _may_be_over(self, session, now):
        end = session.get("expires_at")
        return end is not None and (self._clock_ahead is None or now + self._clock_ahead >= parse_time(end))

    def begin(self, token_hash, min_cursor=None):
        load = Load(token_hash, min_cursor)
        self._loads.add(load)
        return load

    def question(self, load):
        """The body of `POST /sessions/lookup`. To be called when it is sent, each time that it is."""
        load.attempts += 1
        load.ended.clear()
        load.is_void = False
        body = {"hashes": [load.token_hash]}
        at_least = self._at_least(load.wanted)
        if at_least:
            body["min_cursor"] = at_least
        return body

    def _at_least(self, wanted):
        """What an answer must have seen to have seen this cache's position and the caller's cursor. Of two histories
        neither says where the other is: a position that no log reaches makes the service ask its database."""
        asked = parse_cursor(wanted)
        if self.position is None:
            return wanted
        if asked is None:
            return f"{self.position[0]}-{self.position[1]}"
        if asked[0] != self.position[0]:
            return f"{self.position[0]}-{2**64 - 1}"
        return f"{asked[0]}-{max(asked[1], self.position[1])}"

    def finish(self, load, answer, sent, now):
        """("active", session), ("dead", None), ("expired", None), ("unknown", None), ("again", None) to ask once more, or
        ("unavailable", None). `answer`: the JSON of an answer with 200, else None."""
        verdict = self._judge(load, answer, sent, now)
        if verdict[0] == "again" and load.attempts >= LOAD_ATTEMPTS_MAX:
            verdict = ("unavailable", None)
        if verdict[0] != "again":
            self._loads.discard(load)
        return verdict

    def _judge(self, load, answer, sent, now):
        age = age_of(answer)
        results = answer.get("results") if isinstance(answer, dict) else None
        if age is None or not isinstance(results, list) or len(results) != 1 or now - (sent - age) >= self.staleness_max_s:
            return "unavailable", None
        found = results[0]
        status = found.get("status") if isinstance(found, dict) else None
        if status in ("unknown", "expired"):
            return status, None
        if status == "revoked":
            self._hold(load.token_hash, None, now)
            return "dead", None
        if status != "active" or not is_session(found):
            return "unavailable", None
        if load.is_void or load.ended & {found["session_id"], found["account_id"]}:
            return "again", None
        session = {key: value for key, value in found.items() if key != "status"}
        self._hold(load.token_hash, session, now)
        return "active", session

    # -- the feed

    def feed_query(self, wait_s):
        query = f"limit={PAGE_EVENTS_MAX}&clock=true"
        if self.position is not None:
            query += f"&cursor={self.position[0]}-{self.position[1]}&wait={wait_s}"
        return query

    def apply(self, page, sent):
        """Takes in an answer of `GET /revocations` to `feed_query`. True: there is more to read at once. ValueError: it is
        no such answer, and nothing was changed."""
        position = parse_cursor(page.get("cursor")) if isinstance(page, dict) else None
        if position is None or not isinstance(page.get("events"), list) or not isinstance(page.get("reset"), bool):
            raise ValueError("not an answer of the feed")
        goes_on = not page["reset"] and self.position is not None and self.position[0] == position[0]
        read = self.position[1] if goes_on else 0
        if position[1] < read:
            raise ValueError("an answer to another cursor")
        events = []
        for one in page["events"]:
            events.append(self._event(one, read, position[1]))
            read = one["seq"]
        age = age_of(page)
        if not goes_on:
            self.forget_all()
        self._set_clock(page.get("now"), sent)
        for session_id, account_id in events:
            self._end(session_id, account_id)
        self.position = position
        if len(events) >= PAGE_EVENTS_MAX:
            return True
        if age is not None:
            self.as_of = max(self.as_of, sent - age)
        return False

    def _set_clock(self, now_there, sent):
        """It was told after `sent`: so it showed no more then."""
        try:
            self._clock_ahead = parse_time(now_there) - sent
        except ValueError:
            pass  # the one that was told before goes on

    @staticmethod
    def _event(event, read, last):
        """(session id, None) or (None, account id). An event comes once, and in order."""
        kind = event.get("type") if isinstance(event, dict) else None
        key = {"session.revoked": "session_id", "account.revoked": "account_id"}.get(kind)
        if key is None or not isinstance(event.get(key), str) or not is_seq(event.get("seq"), read, last):
            raise ValueError("not an event of the feed")
        return (event[key], None) if key == "session_id" else (None, event[key])

    def _end(self, session_id, account_id):
        for load in self._loads:
            load.ended.add(session_id or account_id)
        if session_id is not None:
            token_hash = self._by_session.get(session_id)
            if token_hash is not None:
                session, loaded = self._entries[token_hash]
                self._unlink(token_hash, session)
                self._entries[token_hash] = (None, loaded)
        for token_hash in list(self._by_account.get(account_id, ())):
            self._drop(token_hash)  # one that was spared resolves again

    def forget_all(self):
        self._entries.clear()
        self._by_session.clear()
        self._by_account.clear()
        self.as_of = -math.inf
        self._clock_ahead = None
        for load in self._loads:
            load.is_void = True

    # -- memory

    def _hold(self, token_hash, session, now):
        self._drop(token_hash)
        self._entries[token_hash] = (session, now)
        if session is not None:
            self._by_session[session["session_id"]] = token_hash
            self._by_account.setdefault(session["account_id"], set()).add(token_hash)
        while len(self._entries) > self.entries_max:
            self._drop(next(iter(self._entries)))

    def _drop(self, token_hash):
        session, _ = self._entries.pop(token_hash, (None, None))
        if session is not None:
            self._unlink(token_hash, session)

    def _unlink(self, token_hash, session):
        self._by_session.pop(session["session_id"], None)
        own = self._by_account.get(session["account_id"], set())
        own.discard(token_hash)
        if not own:
            self._by_account.pop(session["account_id"], None)


def age_of(answer):
    """Seconds; None for what tells no age."""
    age_ms = answer.get("log_age_ms") if isinstance(answer, dict) else None
    if isinstance(age_ms, bool) or not isinstance(age_ms, (int, float)) or not 0 <= age_ms < math.inf:
        return None
    return age_ms / 1000


def is_seq(seq, read, last):
    return isinstance(seq, int) and not isinstance(seq, bool) and read < seq <= last


def is_session(found):
    try:
        if found.get("expires_at") is not None:
            parse_time(found["expires_at"])
    except ValueError:
        return False
    return isinstance(found.get("session_id"), str) and isinstance(found.get("account_id"), str)
