// Command guarded is a handler behind the guard:
//
//	guarded http://127.0.0.1:8080
//
// It prints its port, and ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"portcullis.example/go/portcullis"
)

func whoami(w http.ResponseWriter, r *http.Request) {
	session, _ := portcullis.SessionOf(r.Context())
	w.Header().Set("Content-Type", "application/json")
	told := map[string]string{"account_id": session.AccountID, "session_id": session.SessionID}
	if err := json.NewEncoder(w).Encode(told); err != nil {
		log.Print(err)
	}
}

func main() {
	follower := portcullis.NewFollower(&portcullis.Client{URL: os.Args[1]}, portcullis.NewCache())
	go follower.Follow(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, follower.Guard(http.HandlerFunc(whoami)))) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
