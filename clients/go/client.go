// Package portcullis makes calls of a Portcullis service, and follows its feed with a cache of sessions. Standard library
// only.
package portcullis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	internal       = "/api/v1/internal"
	answerBytesMax = 4 << 20
)

// ErrUnavailable is no answer, or one that cannot be relied on.
var ErrUnavailable = errors.New("the session service cannot say")

// Problem is an answer that is no success: its status, and the code that problem documents have.
type Problem struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// Client has one method for each call. Safe for concurrent use.
type Client struct {
	URL  string       // http or https
	Key  string       // shown as X-Caller-Key
	HTTP *http.Client // nil: with a time-out of 5 s
}

var defaultHTTP = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type options struct {
	token, minCursor string
	body             any
}

func (c *Client) call(ctx context.Context, method, path string, o options, into any) error {
	var body io.Reader
	if o.body != nil {
		text, err := json.Marshal(o.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	for name, value := range map[string]string{"X-Caller-Key": c.Key, "X-Min-Cursor": o.minCursor} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if o.token != "" {
		request.Header.Set("Authorization", "Bearer "+o.token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.exchange(request, into)
}

func (c *Client) exchange(request *http.Request, into any) error {
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		problem := &Problem{Status: response.StatusCode, Code: "unknown"}
		_ = json.Unmarshal(text, problem)
		return problem
	}
	if into == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	return nil
}

// Device is what a session tells its owner of where it was begun.
type Device struct {
	Label     string `json:"label,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	IP        string `json:"ip,omitempty"`
}

// Minted holds the token, which is shown this once.
type Minted struct {
	Token   string  `json:"token"`
	Session Session `json:"session"`
	Created bool    `json:"created"`
}

// Revoked says whether there was anything to end, and since which cursor it is dead.
type Revoked struct {
	Revoked any    `json:"revoked"` // a bool, or a count
	Cursor  string `json:"cursor"`
}

type reason struct {
	Reason string `json:"reason,omitempty"`
}

// MintSession is for an account that exists.
func (c *Client) MintSession(ctx context.Context, accountID string, device *Device) (m Minted, err error) {
	body := map[string]any{"account_id": accountID}
	if device != nil {
		body["device"] = device
	}
	err = c.call(ctx, http.MethodPost, internal+"/sessions", options{body: body}, &m)
	return m, err
}

// MintSessionFor is for the account that has this identity, which is made if there is none.
func (c *Client) MintSessionFor(ctx context.Context, kind, externalID string, device *Device) (m Minted, err error) {
	body := map[string]any{"identity": map[string]string{"kind": kind, "external_id": externalID}}
	if device != nil {
		body["device"] = device
	}
	err = c.call(ctx, http.MethodPost, internal+"/sessions", options{body: body}, &m)
	return m, err
}

// MintGuest makes a guest's account with it.
func (c *Client) MintGuest(ctx context.Context) (m Minted, err error) {
	err = c.call(ctx, http.MethodPost, "/api/v1/public/sessions/guest", options{body: struct{}{}}, &m)
	return m, err
}

// Resolve asks whose token it is; with a cursor, of a state that is no older.
func (c *Client) Resolve(ctx context.Context, token, minCursor string) (s Session, err error) {
	err = c.call(ctx, http.MethodGet, internal+"/sessions/resolve", options{token: token, minCursor: minCursor}, &s)
	return s, err
}

// Revoke ends the session of this token.
func (c *Client) Revoke(ctx context.Context, token, why string) (r Revoked, err error) {
	err = c.call(ctx, http.MethodPost, internal+"/sessions/revoke", options{token: token, body: reason{why}}, &r)
	return r, err
}

// RevokeSession ends one session.
func (c *Client) RevokeSession(ctx context.Context, id, why string) (r Revoked, err error) {
	err = c.call(ctx, http.MethodDelete, internal+"/sessions/"+url.PathEscape(id), options{body: reason{why}}, &r)
	return r, err
}

// RevokeAccountSessions ends all that an account has.
func (c *Client) RevokeAccountSessions(ctx context.Context, id, why string) (r Revoked, err error) {
	err = c.call(ctx, http.MethodDelete, internal+"/accounts/"+url.PathEscape(id)+"/sessions", options{body: reason{why}}, &r)
	return r, err
}

// Lookup asks for sessions by the hashes of their tokens.
func (c *Client) Lookup(ctx context.Context, q Question) (f Found, err error) {
	err = c.call(ctx, http.MethodPost, internal+"/sessions/lookup", options{body: q}, &f)
	return f, err
}

// Revocations reads the feed as JSON.
func (c *Client) Revocations(ctx context.Context, query string) (p Page, err error) {
	err = c.call(ctx, http.MethodGet, internal+"/revocations?"+query, options{}, &p)
	return p, err
}
