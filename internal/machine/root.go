package machine

import (
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// root is a file system as Linux shows it: proc, sys and etc. Tests put texts of
// other machines in its place.
type root struct{ fs.FS }

// maxText bounds what is read of one file. The longest, /proc/cpuinfo, takes
// about 1.5 KiB for each processor.
const maxText = 16 << 20

// text returns a whole file without the space around it. A file that is missing,
// unreadable or longer than maxText is no file.
func (r root) text(name string) (string, bool) {
	f, err := r.Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return "", false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil || len(b) > maxText {
		return "", false
	}
	return strings.TrimSpace(string(b)), true
}

// number returns the number that is all of a file.
func (r root) number(name string) (int64, bool) {
	s, ok := r.text(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// osName returns the name of the distribution, from os-release(5).
func (r root) osName() string {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		text, ok := r.text(name)
		if !ok {
			continue
		}
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				return tidy(strings.Trim(v, `"'`))
			}
		}
	}
	return ""
}

// hugePages returns the setting of transparent huge pages: the word in brackets.
func (r root) hugePages() string {
	s, _ := r.text("sys/kernel/mm/transparent_hugepage/enabled")
	_, s, _ = strings.Cut(s, "[")
	s, _, ok := strings.Cut(s, "]")
	if !ok {
		return ""
	}
	return tidy(s)
}

// tidy returns a name for a line of text: single spaces, nothing unprintable, at
// most 200 characters.
func tidy(s string) string {
	n := 0
	s = strings.Map(func(c rune) rune {
		if n++; n > 200 {
			return -1
		}
		if c == '\t' || c == '\n' || c == '\r' {
			return ' '
		}
		if !strconv.IsPrint(c) {
			return -1
		}
		return c
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
