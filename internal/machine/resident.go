package machine

import (
	"os"
	"strconv"
	"strings"
)

// ResidentMemory returns how many bytes of memory this process holds. It is false
// where the system does not say.
func ResidentMemory() (bytes int64, ok bool) {
	b, err := os.ReadFile("/proc/self/statm") // sizes in pages: program, resident, …
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
