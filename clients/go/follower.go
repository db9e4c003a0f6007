package portcullis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand"
	"sync"
	"time"
)

const (
	waitSeconds = 1 // of a long poll: what it adds to the age of the lease
	pauseMin    = 50 * time.Millisecond
	pauseMax    = 2 * time.Second
)

// ErrRevoked, ErrExpired and ErrUnknown: the token is no live session's.
var (
	ErrRevoked = errors.New("session_revoked")
	ErrExpired = errors.New("session_expired")
	ErrUnknown = errors.New("session_unknown")
)

// Follower answers from memory as long as the revocation log was read recently enough, and asks the service otherwise. What
// was revoked at T is denied at T + Cache.StalenessMax at the latest, whatever happens in between. Safe for concurrent use.
type Follower struct {
	// OnEvents, set before Follow runs and called by it, gets each event of the feed once and in order. After a reset, events
	// may be missing before those that come.
	OnEvents func(events []Event, isReset bool)

	client *Client
	began  time.Time // of its clock where the system has none of its own for this
	mutex  sync.Mutex
	cache  *Cache
}

// NewFollower takes NewCache(), or another one that nobody else uses. Follow has to run beside it.
func NewFollower(client *Client, cache *Cache) *Follower {
	return &Follower{client: client, cache: cache, began: time.Now()}
}

// now is of a clock that nobody sets and that, on Linux, goes on while the machine sleeps.
func (f *Follower) now() time.Duration {
	if now, ok := sinceBoot(); ok {
		return now
	}
	return time.Since(f.began)
}

// Verify says whose token it is: ErrRevoked, ErrExpired, ErrUnknown, or ErrUnavailable when nobody can say. With the cursor of a
// revocation the answer is no older than that.
func (f *Follower) Verify(ctx context.Context, token, minCursor string) (Session, error) {
	sum := sha256.Sum256([]byte(token))
	hash := hex.EncodeToString(sum[:])
	f.mutex.Lock()
	kind, session := f.cache.Peek(hash, f.now(), minCursor)
	f.mutex.Unlock()
	if kind == Ask {
		kind, session = f.load(ctx, hash, minCursor)
	}
	switch kind {
	case Active:
		return *session, nil
	case Dead:
		return Session{}, ErrRevoked
	case Expired:
		return Session{}, ErrExpired
	case Unknown:
		return Session{}, ErrUnknown
	default:
		return Session{}, ErrUnavailable
	}
}

// IsCurrent tells whether memory may be answered from.
func (f *Follower) IsCurrent() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.cache.HasLease(f.now())
}

func (f *Follower) load(ctx context.Context, hash, minCursor string) (Kind, *Session) {
	f.mutex.Lock()
	load := f.cache.Begin(hash, minCursor)
	f.mutex.Unlock()
	for {
		f.mutex.Lock()
		question := f.cache.Question(load)
		f.mutex.Unlock()
		sent := f.now()
		var answer *Found
		if found, err := f.client.Lookup(ctx, question); err == nil {
			answer = &found
		}
		f.mutex.Lock()
		kind, session := f.cache.Finish(load, answer, sent, f.now())
		f.mutex.Unlock()
		if kind != Again {
			return kind, session
		}
	}
}

// Follow reads the feed until ctx ends.
func (f *Follower) Follow(ctx context.Context) {
	pause := pauseMin
	for ctx.Err() == nil {
		if f.read(ctx) == nil {
			pause = pauseMin
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(float64(pause) * (0.5 + rand.Float64()/2))):
		}
		if pause *= 2; pause > pauseMax {
			pause = pauseMax
		}
	}
}

func (f *Follower) read(ctx context.Context) error {
	f.mutex.Lock()
	query := f.cache.FeedQuery(waitSeconds)
	f.mutex.Unlock()
	sent := f.now()
	page, err := f.client.Revocations(ctx, query)
	if err != nil {
		return err
	}
	isReset, err := f.apply(&page, sent)
	if err == nil && f.OnEvents != nil && (len(*page.Events) > 0 || isReset) {
		f.OnEvents(*page.Events, isReset)
	}
	return err
}

func (f *Follower) apply(page *Page, sent time.Duration) (isReset bool, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	before := f.cache.position
	if _, err = f.cache.Apply(page, sent); err != nil {
		return false, err
	}
	return *page.Reset || before != nil && before.Epoch != f.cache.position.Epoch, nil
}
