package portcullis

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

var cursorForm = regexp.MustCompile(`^([0-9a-f]{16})-([0-9]{1,20})$`)

// Cursor is a place in the revocation log. The epoch names a history; a seq means nothing in another one.
type Cursor struct {
	Epoch string
	Seq   uint64
}

// ParseCursor reads `<epoch>-<seq>`.
func ParseCursor(text string) (Cursor, bool) {
	found := cursorForm.FindStringSubmatch(text)
	if found == nil {
		return Cursor{}, false
	}
	seq, err := strconv.ParseUint(found[2], 10, 64)
	return Cursor{found[1], seq}, err == nil
}

func (c Cursor) String() string { return fmt.Sprintf("%s-%d", c.Epoch, c.Seq) }

func (c Cursor) isAt(wanted Cursor) bool { return c.Epoch == wanted.Epoch && c.Seq >= wanted.Seq }

// later is what an answer must have seen to have seen both. Of two histories neither says where the other is: a position
// that no log reaches makes the service ask its database.
func later(position, asked Cursor) Cursor {
	switch {
	case position.Epoch != asked.Epoch:
		return Cursor{position.Epoch, math.MaxUint64}
	case asked.Seq > position.Seq:
		return asked
	default:
		return position
	}
}
