package portcullis

import (
	"hash/crc32"
	"regexp"
)

const (
	digits       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	largestToken = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1" // 2^256 - 1
	checkedSize  = 47                                            // characters before the checksum
)

var tokenForm = regexp.MustCompile(`^pcs_[0-9A-Za-z]{49}$`)

// IsToken tells whether it can be a session's token, by its form and its checksum: what is none need not be asked for.
func IsToken(text string) bool {
	if !tokenForm.MatchString(text) || text[4:checkedSize] > largestToken {
		return false
	}
	rest := crc32.ChecksumIEEE([]byte(text[:checkedSize]))
	for i := len(text) - 1; i >= checkedSize; i-- {
		if text[i] != digits[rest%62] {
			return false
		}
		rest /= 62
	}
	return true
}
