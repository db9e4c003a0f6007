// Follows Portcullis' revocations: go run subscribe.go http://127.0.0.1:8080 [CURSOR]
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const silence = 45 * time.Second // the service sends a comment at least every 15 s

type revocation struct {
	SessionID  string `json:"session_id"`
	AccountID  string `json:"account_id"`
	Generation int32  `json:"generation"`
}

// follow calls handle for each event until ctx ends. A "reset" means: forget everything that was learned so far.
func follow(ctx context.Context, url, cursor string, handle func(event string, data revocation)) {
	for ctx.Err() == nil {
		cursor = stream(ctx, url, cursor, handle)
		time.Sleep(time.Second)
	}
}

// stream reads one connection to its end and returns the cursor to come back with.
func stream(ctx context.Context, url, cursor string, handle func(string, revocation)) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, "GET", url+"/api/v1/internal/revocations", nil)
	if err != nil {
		return cursor
	}
	request.Header.Set("Accept", "text/event-stream")
	if cursor != "" {
		request.Header.Set("Last-Event-ID", cursor)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return cursor
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return cursor
	}
	event, id, data := "", cursor, ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		watchdog.Reset(silence)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			event = value
		case name == "id":
			id = value
		case name == "data":
			data += value
		case lines.Text() == "":
			if data != "" {
				var what revocation
				if json.Unmarshal([]byte(data), &what) == nil {
					handle(event, what)
				}
			}
			cursor = id // only now: what was handed over need not come again
			event, data = "", ""
		}
	}
	return cursor
}

func main() {
	cursor := ""
	if len(os.Args) > 2 {
		cursor = os.Args[2]
	}
	follow(context.Background(), os.Args[1], cursor, func(event string, what revocation) {
		switch event {
		case "session.revoked":
			fmt.Println("session", what.SessionID) // drop that session
		case "account.revoked":
			fmt.Println("account", what.AccountID, what.Generation) // drop all of that account's
		case "reset":
			fmt.Println("reset") // drop everything
		}
	})
}
