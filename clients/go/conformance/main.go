// Command conformance plays the conformance suite's commands, one JSON a line, on the cache; with a URL as its argument (and
// the staleness and the time-out in milliseconds behind it) it follows that service instead, and says of each token on
// standard input (and a cursor after a blank) what it is; to `events`, whether it is current, how many resets it saw, and the
// seqs of all events.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"portcullis.example/go/portcullis"
)

type command struct {
	Do             string          `json:"do"`
	EntriesMax     int             `json:"entries_max"`
	TTLMs          int             `json:"ttl_ms"`
	StalenessMaxMs int             `json:"staleness_max_ms"`
	Hash           string          `json:"hash"`
	MinCursor      string          `json:"min_cursor"`
	Load           int             `json:"load"`
	Now            int             `json:"now"`
	Sent           int             `json:"sent"`
	Wait           int             `json:"wait"`
	Text           string          `json:"text"`
	Body           json.RawMessage `json:"body"`
}

type object = map[string]any

type player struct {
	cache *portcullis.Cache
	loads map[int]*portcullis.Load
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func told(kind portcullis.Kind, session *portcullis.Session) object {
	if session == nil {
		return object{"answer": kind}
	}
	return object{"answer": kind, "session_id": session.SessionID}
}

func (p *player) play(do command) any {
	switch do.Do {
	case "new":
		p.cache, p.loads = portcullis.NewCache(), map[int]*portcullis.Load{}
		p.cache.EntriesMax, p.cache.TTL, p.cache.StalenessMax = do.EntriesMax, ms(do.TTLMs), ms(do.StalenessMaxMs)
		return object{}
	case "verify":
		kind, session := p.cache.Peek(do.Hash, ms(do.Now), do.MinCursor)
		if kind != portcullis.Ask {
			return told(kind, session)
		}
		p.loads[do.Load] = p.cache.Begin(do.Hash, do.MinCursor)
		return object{"ask": p.cache.Question(p.loads[do.Load])}
	case "loaded":
		var answer *portcullis.Found
		if do.Body != nil {
			answer = &portcullis.Found{}
			if json.Unmarshal(do.Body, answer) != nil {
				answer = nil
			}
		}
		kind, session := p.cache.Finish(p.loads[do.Load], answer, ms(do.Sent), ms(do.Now))
		if kind == portcullis.Again {
			return object{"ask": p.cache.Question(p.loads[do.Load])}
		}
		return told(kind, session)
	case "page":
		page := &portcullis.Page{}
		if do.Body == nil || json.Unmarshal(do.Body, page) != nil {
			return object{"error": true}
		}
		hasMore, err := p.cache.Apply(page, ms(do.Sent))
		if err != nil {
			return object{"error": true}
		}
		return object{"more": hasMore}
	case "token":
		return object{"is_token": portcullis.IsToken(do.Text)}
	case "query":
		return object{"query": p.cache.FeedQuery(do.Wait)}
	}
	panic("no such command: " + do.Do)
}

func verdict(follower *portcullis.Follower, line string) string {
	token, cursor, _ := strings.Cut(strings.TrimSpace(line), " ")
	session, err := follower.Verify(context.Background(), token, cursor)
	switch {
	case err == nil:
		return "active " + session.SessionID
	case errors.Is(err, portcullis.ErrUnavailable):
		return "unavailable"
	default:
		return "denied " + err.Error()
	}
}

// log is what a follower was told of.
type log struct {
	mutex  sync.Mutex
	seqs   []string
	resets int
}

func (l *log) take(events []portcullis.Event, isReset bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, event := range events {
		l.seqs = append(l.seqs, strconv.FormatUint(event.Seq, 10))
	}
	if isReset {
		l.resets++
	}
}

func (l *log) tell(isCurrent bool) string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	state := "behind"
	if isCurrent {
		state = "current"
	}
	return fmt.Sprint(state, " ", l.resets, " ", strings.Join(l.seqs, ","))
}

func argument(n, standard int) time.Duration {
	if n < len(os.Args) {
		var err error
		if standard, err = strconv.Atoi(os.Args[n]); err != nil {
			panic(err)
		}
	}
	return ms(standard)
}

func main() {
	answer := func(line string) string { return "" }
	if len(os.Args) > 1 {
		cache := portcullis.NewCache()
		cache.StalenessMax = argument(2, 60_000)
		asked := &portcullis.Client{URL: os.Args[1], HTTP: &http.Client{Timeout: argument(3, 5_000)}}
		follower := portcullis.NewFollower(asked, cache)
		told := &log{}
		follower.OnEvents = told.take
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go follower.Follow(ctx)
		answer = func(line string) string {
			if line == "events" {
				return told.tell(follower.IsCurrent())
			}
			return verdict(follower, line)
		}
	} else {
		player := &player{}
		answer = func(line string) string {
			var do command
			if err := json.Unmarshal([]byte(line), &do); err != nil {
				panic(err)
			}
			text, err := json.Marshal(player.play(do))
			if err != nil {
				panic(err)
			}
			return string(text)
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Println(answer(lines.Text()))
	}
}
