package portcullis

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// uptime is what Linux tells of the same clock, cut to hundredths of a second.
func uptime(t *testing.T) time.Duration {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds*100+0.5) * 10 * time.Millisecond
}

func TestTheClockOfLeasesGoesOnWhileTheMachineSleepsAndIsNobodysToSet(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a clock of Linux")
	}
	follower := NewFollower(&Client{}, NewCache())
	before := uptime(t)
	now := follower.now()
	after := uptime(t) + 10*time.Millisecond
	if now < before || now > after {
		t.Fatalf("%v is not from %v to %v", now, before, after)
	}
}
