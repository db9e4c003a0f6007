package portcullis

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

var bearerForm = regexp.MustCompile(`(?i)^bearer +(\S+)$`)

type sessionKey struct{}

// SessionOf is the session that a guard found for this request.
func SessionOf(ctx context.Context) (Session, bool) {
	session, isThere := ctx.Value(sessionKey{}).(Session)
	return session, isThere
}

// Guard lets requests through whose bearer token is a live session's, which `next` finds by SessionOf(r.Context()). It
// answers the others itself: 401, or 503 while nobody can say.
func (f *Follower) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, refused := tokenOf(r.Header.Values("Authorization"))
		if refused != nil {
			refused.write(w)
			return
		}
		session, err := f.Verify(r.Context(), token, "")
		if err != nil {
			refusalOf(err).write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, session)))
	})
}

type refusal struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func refuse(status int, code, title, detail string) *refusal {
	return &refusal{"urn:portcullis:problem:" + code, title, status, code, detail}
}

func tokenOf(fields []string) (string, *refusal) {
	if len(fields) > 1 {
		return "", refuse(http.StatusBadRequest, "request_malformed", "Malformed request", "more than one Authorization field")
	}
	var found []string
	if len(fields) == 1 {
		found = bearerForm.FindStringSubmatch(strings.TrimSpace(fields[0]))
	}
	if found == nil {
		return "", refuse(http.StatusUnauthorized, "token_missing", "Token missing", "a bearer token is needed")
	}
	if !IsToken(found[1]) {
		return "", refuse(http.StatusUnauthorized, "token_malformed", "Token malformed", "this is no session's token")
	}
	return found[1], nil
}

func refusalOf(err error) *refusal {
	const detail = "the session is not alive"
	switch {
	case errors.Is(err, ErrRevoked):
		return refuse(http.StatusUnauthorized, "session_revoked", "Session revoked", detail)
	case errors.Is(err, ErrExpired):
		return refuse(http.StatusUnauthorized, "session_expired", "Session expired", detail)
	case errors.Is(err, ErrUnknown):
		return refuse(http.StatusUnauthorized, "session_unknown", "Session unknown", detail)
	default:
		return refuse(http.StatusServiceUnavailable, "history_stale", "Session service away", "nobody can vouch for the session now")
	}
}

func (r *refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // of strings and a number
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	switch {
	case r.Code == "token_missing":
		header.Set("WWW-Authenticate", `Bearer realm="portcullis"`)
	case r.Status == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="portcullis", error="invalid_token"`)
	case r.Status == http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body) // who has gone needs none
}
