package hub

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/internal/message"
)

// transcript keeps the end of what pip says, and the figures of its progress.
type transcript struct {
	mu          sync.Mutex
	said        []byte
	done, total int64
}

const (
	maxSaid  = 64 << 10 // bytes kept
	maxQuote = 400      // bytes of it in an error
)

var (
	rawProgress  = regexp.MustCompile(`(?m)^Progress ([0-9]{1,18}) of ([0-9]{1,18})\r?$`)
	saidSize     = regexp.MustCompile(`(?m)^\s*(?:Downloading|Using cached) .*\(([0-9]+(?:\.[0-9]+)?) (bytes|[kMG]B)\)\s*$`)
	saidDigest   = regexp.MustCompile(`(?m)^\s*Got\s+([0-9a-f]{64})\s*$`)
	saidVersions = regexp.MustCompile(`\(from versions: ([^)]*)\)`)
	saidError    = regexp.MustCompile(`(?m)^ERROR: (.*)$`)
)

// Write takes a piece of pip's output.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := max(0, len(t.said)-256) // a line may come in two pieces
	t.said = append(t.said, p...)
	t.note(t.said[before:])
	if extra := len(t.said) - maxSaid; extra > 0 {
		t.said = append(t.said[:0], t.said[extra:]...)
	}
	return len(p), nil
}

// note takes the figures out of what was said last.
func (t *transcript) note(said []byte) {
	if m := saidSize.FindAllSubmatch(said, -1); m != nil {
		size := m[len(m)-1]
		x, _ := strconv.ParseFloat(string(size[1]), 64) // digits and a point
		t.total = int64(x * map[string]float64{"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[string(size[2])])
	}
	if m := rawProgress.FindAllSubmatch(said, -1); m != nil {
		line := m[len(m)-1]
		t.done, _ = strconv.ParseInt(string(line[1]), 10, 64) // at most 18 digits
		t.total, _ = strconv.ParseInt(string(line[2]), 10, 64)
	}
}

// progress returns the bytes fetched, if pip says, and those of the whole, if
// it said.
func (t *transcript) progress() (done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done, t.total
}

func (t *transcript) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.said)
}

// wrongDigest returns the digest that pip got and did not want.
func (t *transcript) wrongDigest() string {
	if m := saidDigest.FindStringSubmatch(t.text()); m != nil {
		return m[1]
	}
	return ""
}

// lastLine returns the last line that was said, behind ": ".
func (t *transcript) lastLine() string {
	lines := strings.Split(strings.TrimSpace(t.text()), "\n")
	if last := printable(lines[len(lines)-1]); last != "" {
		return ": " + last
	}
	return ""
}

// printable makes what a stranger wrote fit for an error message.
func printable(s string) string { return message.Line(s, maxQuote) }

// errCut is ErrUnreachable where another try may fare better.
var errCut = fmt.Errorf("the package index %w to the end", ErrUnreachable)

// pipError says what a failed run of pip means. The texts are those of pip's
// own messages, which it does not translate.
func pipError(r requirement, said *transcript, err error) error {
	text := said.text()
	has := func(marks ...string) bool {
		for _, m := range marks {
			if strings.Contains(text, m) {
				return true
			}
		}
		return false
	}
	reason := ""
	for _, m := range saidError.FindAllStringSubmatch(text, -1) {
		reason = strings.TrimPrefix(reason+"; "+printable(m[1]), "; ")
	}
	if reason == "" {
		reason = strings.TrimPrefix(said.lastLine(), ": ")
	}
	reason = printable(reason)
	switch {
	case errors.Is(err, ErrNoSpace):
		return err
	case has("No space left on device", "Errno 28]", "Errno 122]", "WinError 112]"):
		return fmt.Errorf("pip: %s: %w", r, ErrNoSpace)
	case has("DO NOT MATCH THE HASHES"):
		return fmt.Errorf("pip: %s: the wheel that came (sha256 %s) is not the one that the index lists: %w", r, said.wrongDigest(), ErrDigest)
	case has("Retrying (", "Max retries exceeded", "NewConnectionError", "ConnectTimeout", "ProxyError", "SSLError"):
		return fmt.Errorf("pip: %s: the package index %w: %s", r, ErrUnreachable, reason)
	case has("IncompleteRead", "Connection broken", "Read timed out", "ncomplete download", "incomplete-download", "Download failed"):
		return fmt.Errorf("pip: %s: the connection was cut: %w: %s", r, errCut, reason)
	case has("No matching distribution found"):
		versions := ""
		if m := saidVersions.FindStringSubmatch(text); m != nil && m[1] != "none" {
			versions = " (versions: " + printable(m[1]) + ")"
		}
		return fmt.Errorf("pip: %s: the index has no such wheel%s: %w", r, versions, ErrNotFound)
	}
	return fmt.Errorf("pip: %s: %w: %s", r, err, reason)
}
