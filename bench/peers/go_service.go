// The shape of the Go service that Portcullis replaces, for the benchmarks to set beside it: gin, a map of sessions under a
// read-write mutex, SHA-256 of the token, JSON by encoding/json; a login is three inserts in one transaction by pgx.
// It has no revocation, no limits and no bounds: what it costs is the least that such a service costs.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

type session struct {
	SessionID string     `json:"session_id"`
	AccountID string     `json:"account_id"`
	IsGuest   bool       `json:"is_guest"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

type service struct {
	database *pgxpool.Pool
	mutex    sync.RWMutex
	byHash   map[[sha256.Size]byte]session
}

type loginRequest struct {
	Identity struct {
		Kind       string `json:"kind" binding:"required"`
		ExternalID string `json:"external_id" binding:"required"`
	} `json:"identity" binding:"required"`
}

const selectActive = `select s.token_hash, s.session_id::text, s.account_id::text, a.is_guest, s.created_at
	from backend.sessions s join backend.accounts a using (account_id)
	where s.revoked_at is null and s.generation = a.session_generation`
const insertAccount = `insert into backend.accounts (account_id, is_guest) values ($1::uuid, false) returning created_at`
const insertIdentity = `insert into backend.identities (identity_id, account_id, kind, external_id)
	values ($1::uuid, $2::uuid, $3, $4) on conflict do nothing`
const insertSession = `insert into backend.sessions (session_id, account_id, token_hash, generation)
	values ($1::uuid, $2::uuid, $3, 0) returning created_at`

func (s *service) warm(ctx context.Context) error {
	rows, err := s.database.Query(ctx, selectActive)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var one session
		if err := rows.Scan(&hash, &one.SessionID, &one.AccountID, &one.IsGuest, &one.CreatedAt); err != nil {
			return err
		}
		s.byHash[*(*[sha256.Size]byte)(hash)] = one
	}
	return rows.Err()
}

func (s *service) resolve(c *gin.Context) {
	token := strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer ")
	s.mutex.RLock()
	found, ok := s.byHash[sha256.Sum256([]byte(token))]
	s.mutex.RUnlock()
	if !ok {
		c.JSON(http.StatusUnauthorized, gin.H{"code": "session_unknown"})
		return
	}
	c.JSON(http.StatusOK, found)
}

func newID() string {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		log.Fatal(err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // RFC 9562, version 4
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func (s *service) login(c *gin.Context) {
	var asked loginRequest
	if err := c.ShouldBindJSON(&asked); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"code": "malformed"})
		return
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		log.Fatal(err)
	}
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(token))
	made := session{SessionID: newID(), AccountID: newID()}
	err := s.database.BeginFunc(c.Request.Context(), func(tx pgx.Tx) error {
		ctx := c.Request.Context()
		if err := tx.QueryRow(ctx, insertAccount, made.AccountID).Scan(nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertIdentity, newID(), made.AccountID, asked.Identity.Kind, asked.Identity.ExternalID); err != nil {
			return err
		}
		return tx.QueryRow(ctx, insertSession, made.SessionID, made.AccountID, hash[:]).Scan(&made.CreatedAt)
	})
	if err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"code": "database_unavailable"})
		return
	}
	s.mutex.Lock()
	s.byHash[hash] = made
	s.mutex.Unlock()
	c.JSON(http.StatusCreated, gin.H{"token": token, "session": made, "created": true})
}

// usage: go-service DSN HOST:PORT
func main() {
	config, err := pgxpool.ParseConfig(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	database, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := &service{database: database, byHash: make(map[[sha256.Size]byte]session)}
	if err := s.warm(context.Background()); err != nil {
		log.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/readyz", func(c *gin.Context) { c.Status(http.StatusOK) })
	router.GET("/api/v1/internal/sessions/resolve", s.resolve)
	router.POST("/api/v1/internal/sessions", s.login)
	log.Fatal(router.Run(os.Args[2]))
}
