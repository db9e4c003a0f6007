//go:build !linux

package portcullis

import "time"

func sinceBoot() (time.Duration, bool) { return 0, false }
