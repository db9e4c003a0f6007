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

// ErrRevoked and ErrUnknown: the token is no live session's.
var (
	ErrRevoked = errors.New("session_revoked")
	ErrUnknown = errors.New("session_unknown")
)

// Follower answers from memory as long as the revocation log was read recently enough, and asks the service otherwise. What
// was revoked at T is denied at T + Cache.StalenessMax at the latest, whatever happens in between. Safe for concurrent use.
type Follower struct {
	client *Client
	began  time.Time // of its clock, which is monotonic
	mutex  sync.Mutex
	cache  *Cache
}

// NewFollower takes NewCache(), or another one that nobody else uses. Follow has to run beside it.
func NewFollower(client *Client, cache *Cache) *Follower {
	return &Follower{client: client, cache: cache, began: time.Now()}
}

func (f *Follower) now() time.Duration { return time.Since(f.began) }

// Verify says whose token it is: ErrRevoked, ErrUnknown, or ErrUnavailable when nobody can say. With the cursor of a
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
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_, err = f.cache.Apply(&page, sent)
	return err
}
