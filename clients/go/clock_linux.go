package portcullis

import (
	"syscall"
	"time"
	"unsafe"
)

const clockBoottime = 7 // CLOCK_BOOTTIME of clock_gettime(2)

// sinceBoot goes on while the machine sleeps, in which the clock of package time stands still. False: it cannot be told.
func sinceBoot() (time.Duration, bool) {
	var told syscall.Timespec
	_, _, failed := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&told)), 0)
	return time.Duration(told.Nano()), failed == 0
}
