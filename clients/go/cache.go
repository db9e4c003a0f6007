package portcullis

import (
	"container/list"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	loadAttemptsMax = 3   // a load that revocations overtake is begun again this often
	pageEventsMax   = 200 // of the feed, in one answer
)

// Session is what the service tells of a live one.
type Session struct {
	SessionID string  `json:"session_id"`
	AccountID string  `json:"account_id"`
	IsGuest   bool    `json:"is_guest"`
	CreatedAt string  `json:"created_at"`
	ExpiresAt *string `json:"expires_at"` // RFC 3339; nil: it lives until it is revoked
}

// Question is the body of POST /sessions/lookup.
type Question struct {
	Hashes    []string `json:"hashes"`
	MinCursor string   `json:"min_cursor,omitempty"`
}

// Found is the answer to it.
type Found struct {
	Results []struct {
		Status string `json:"status"`
		Session
	} `json:"results"`
	LogAgeMs *float64 `json:"log_age_ms"`
}

// Page is an answer of GET /revocations.
type Page struct {
	Events   *[]Event `json:"events"`
	Cursor   string   `json:"cursor"`
	Reset    *bool    `json:"reset"`
	LogAgeMs *float64 `json:"log_age_ms"`
	Now      string   `json:"now"`
}

// Event is the end of a session, or of all that an account had.
type Event struct {
	Type      string `json:"type"`
	Seq       uint64 `json:"seq"`
	SessionID string `json:"session_id"`
	AccountID string `json:"account_id"`
	Reason    string `json:"reason"`
}

// isAfter tells whether it may come behind what was read, in a page that ends at last. An event comes once, and in order.
func (e Event) isAfter(read, last uint64) bool {
	isKnown := e.Type == "session.revoked" && e.SessionID != "" || e.Type == "account.revoked" && e.AccountID != ""
	return isKnown && read < e.Seq && e.Seq <= last
}

// Kind is what a cache says of a token.
type Kind string

const (
	Active      Kind = "active"
	Dead        Kind = "dead"
	Unknown     Kind = "unknown"
	Expired     Kind = "expired"
	Ask         Kind = "ask"   // of the service
	Again       Kind = "again" // a revocation overtook the answer
	NotSayable  Kind = "unavailable"
	neverToRead      = time.Duration(math.MinInt64 / 2)
)

// ErrNotThePage is what Apply says of an answer that is none of the feed. Nothing was changed.
var ErrNotThePage = errors.New("not an answer of the feed")

// Cache holds sessions by the hash of their token: the least recently used goes, each is believed for TTL, and none past
// the lease, which ends StalenessMax after the state of the log that was last read, or past its own end, which is told by
// the service's clock. No socket and no clock: times are of
// one monotonic clock, and come as arguments. Not safe for concurrent use.
type Cache struct {
	EntriesMax        int
	TTL, StalenessMax time.Duration

	position  *Cursor       // what was read of the log
	asOf      time.Duration // everything that was revoked before this is known
	serverNow *reading      // of the clock by which sessions end; nil: not told
	entries   map[string]*list.Element
	used      *list.List // of *entry, the most recently used first
	bySession map[string]string
	byAccount map[string]map[string]bool
	loads     map[*Load]bool
}

// reading is what the service's clock showed, at the earliest moment here at which it can have shown it.
type reading struct {
	said  time.Time
	heard time.Duration
}

type entry struct {
	hash    string
	session *Session // nil: it is dead
	loaded  time.Duration
}

// Load is a look-up at the service that is on its way.
type Load struct {
	hash, minCursor string
	attempts        int
	ended           map[string]bool // sessions and accounts that were revoked since it was sent
	isVoid          bool            // everything was forgotten since
}

// NewCache has the bounds of the service's own edge.
func NewCache() *Cache {
	c := &Cache{EntriesMax: 50_000, TTL: 10 * time.Minute, StalenessMax: time.Minute, loads: map[*Load]bool{}}
	c.forgetAll()
	return c
}

// -- look-ups

// HasLease tells whether memory may be answered from.
func (c *Cache) HasLease(now time.Duration) bool { return now-c.asOf < c.StalenessMax }

// Peek says Active, Dead, or Ask.
func (c *Cache) Peek(hash string, now time.Duration, minCursor string) (Kind, *Session) {
	element, isHeld := c.entries[hash]
	if !isHeld {
		return Ask, nil
	}
	held := element.Value.(*entry)
	if held.session == nil {
		return Dead, nil
	}
	if minCursor != "" {
		wanted, isOne := ParseCursor(minCursor)
		if !isOne || c.position == nil || !c.position.isAt(wanted) {
			return Ask, nil
		}
	}
	if !c.HasLease(now) || now-held.loaded >= c.TTL || c.mayBeOver(held.session, now) {
		return Ask, nil
	}
	c.used.MoveToFront(element)
	return Active, held.session
}

func (c *Cache) mayBeOver(session *Session, now time.Duration) bool {
	if session.ExpiresAt == nil {
		return false
	}
	end, err := time.Parse(time.RFC3339Nano, *session.ExpiresAt)
	return err != nil || c.serverNow == nil || !c.serverNow.said.Add(now-c.serverNow.heard).Before(end)
}

// Begin is to be followed by Question and Finish.
func (c *Cache) Begin(hash, minCursor string) *Load {
	load := &Load{hash: hash, minCursor: minCursor}
	c.loads[load] = true
	return load
}

// Question is to be asked for when it is sent, each time that it is.
func (c *Cache) Question(load *Load) Question {
	load.attempts++
	load.ended = map[string]bool{}
	load.isVoid = false
	return Question{[]string{load.hash}, c.atLeast(load.minCursor)}
}

func (c *Cache) atLeast(wanted string) string {
	if c.position == nil {
		return wanted
	}
	if asked, isOne := ParseCursor(wanted); isOne {
		return later(*c.position, asked).String()
	}
	return c.position.String()
}

// Finish says what an answer means: as Peek, or Unknown, Expired, Again, NotSayable. `answer` is nil where there was none with 200.
func (c *Cache) Finish(load *Load, answer *Found, sent, now time.Duration) (Kind, *Session) {
	kind, session := c.judge(load, answer, sent, now)
	if kind == Again && load.attempts >= loadAttemptsMax {
		kind = NotSayable
	}
	if kind != Again {
		delete(c.loads, load)
	}
	return kind, session
}

func (c *Cache) judge(load *Load, answer *Found, sent, now time.Duration) (Kind, *Session) {
	if answer == nil || len(answer.Results) != 1 {
		return NotSayable, nil
	}
	age, isTold := ageOf(answer.LogAgeMs)
	if !isTold || now-(sent-age) >= c.StalenessMax {
		return NotSayable, nil
	}
	found := answer.Results[0]
	switch found.Status {
	case "unknown":
		return Unknown, nil
	case "expired":
		return Expired, nil
	case "revoked":
		c.hold(load.hash, nil, now)
		return Dead, nil
	case "active":
	default:
		return NotSayable, nil
	}
	if found.SessionID == "" || found.AccountID == "" {
		return NotSayable, nil
	}
	if found.ExpiresAt != nil {
		if _, err := time.Parse(time.RFC3339Nano, *found.ExpiresAt); err != nil {
			return NotSayable, nil
		}
	}
	if load.isVoid || load.ended[found.SessionID] || load.ended[found.AccountID] {
		return Again, nil
	}
	session := found.Session
	c.hold(load.hash, &session, now)
	return Active, &session
}

// -- the feed

// FeedQuery is the query of the next GET /revocations.
func (c *Cache) FeedQuery(wait int) string {
	query := fmt.Sprintf("limit=%d&clock=true", pageEventsMax)
	if c.position != nil {
		query += fmt.Sprintf("&cursor=%s&wait=%d", c.position, wait)
	}
	return query
}

// Apply takes in the answer to FeedQuery, and tells whether there is more to read at once.
func (c *Cache) Apply(page *Page, sent time.Duration) (hasMore bool, err error) {
	if page == nil || page.Events == nil || page.Reset == nil {
		return false, ErrNotThePage
	}
	position, isOne := ParseCursor(page.Cursor)
	if !isOne {
		return false, ErrNotThePage
	}
	goesOn := !*page.Reset && c.position != nil && c.position.Epoch == position.Epoch
	read := uint64(0)
	if goesOn {
		read = c.position.Seq
	}
	if position.Seq < read { // an answer to another cursor
		return false, ErrNotThePage
	}
	for _, event := range *page.Events {
		if !event.isAfter(read, position.Seq) {
			return false, ErrNotThePage
		}
		read = event.Seq
	}
	if !goesOn {
		c.forgetAll()
	}
	if said, err := time.Parse(time.RFC3339Nano, page.Now); err == nil {
		c.serverNow = &reading{said, sent}
	}
	for _, event := range *page.Events {
		if event.Type == "session.revoked" {
			c.endSession(event.SessionID)
		} else {
			c.endAccount(event.AccountID)
		}
	}
	c.position = &position
	if len(*page.Events) >= pageEventsMax {
		return true, nil
	}
	if age, isTold := ageOf(page.LogAgeMs); isTold && sent-age > c.asOf {
		c.asOf = sent - age
	}
	return false, nil
}

func (c *Cache) endSession(id string) {
	for load := range c.loads {
		load.ended[id] = true
	}
	if hash, isHeld := c.bySession[id]; isHeld {
		held := c.entries[hash].Value.(*entry)
		c.unlink(held)
		held.session = nil
	}
}

func (c *Cache) endAccount(id string) {
	for load := range c.loads {
		load.ended[id] = true
	}
	for hash := range c.byAccount[id] {
		c.drop(hash) // one that was spared resolves again
	}
}

func (c *Cache) forgetAll() {
	c.entries, c.used = map[string]*list.Element{}, list.New()
	c.bySession, c.byAccount = map[string]string{}, map[string]map[string]bool{}
	c.asOf, c.serverNow = neverToRead, nil
	for load := range c.loads {
		load.isVoid = true
	}
}

// -- memory

func (c *Cache) hold(hash string, session *Session, now time.Duration) {
	c.drop(hash)
	c.entries[hash] = c.used.PushFront(&entry{hash, session, now})
	if session != nil {
		c.bySession[session.SessionID] = hash
		if c.byAccount[session.AccountID] == nil {
			c.byAccount[session.AccountID] = map[string]bool{}
		}
		c.byAccount[session.AccountID][hash] = true
	}
	for len(c.entries) > c.EntriesMax {
		c.drop(c.used.Back().Value.(*entry).hash)
	}
}

func (c *Cache) drop(hash string) {
	if element, isHeld := c.entries[hash]; isHeld {
		c.unlink(element.Value.(*entry))
		c.used.Remove(element)
		delete(c.entries, hash)
	}
}

func (c *Cache) unlink(held *entry) {
	if held.session == nil {
		return
	}
	delete(c.bySession, held.session.SessionID)
	own := c.byAccount[held.session.AccountID]
	delete(own, held.hash)
	if len(own) == 0 {
		delete(c.byAccount, held.session.AccountID)
	}
}

func ageOf(ms *float64) (time.Duration, bool) {
	const monthMs = 31 * 24 * 3600 * 1000
	if ms == nil || !(*ms >= 0) || *ms > monthMs {
		return 0, false
	}
	return time.Duration(*ms * float64(time.Millisecond)), true
}
