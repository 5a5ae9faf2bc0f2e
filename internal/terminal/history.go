package terminal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxEntries      = 1000
	maxEntryBytes   = 64 << 10 // longer lines are not kept
	maxHistoryBytes = 64 << 20 // of the file
)

// History is the lines that were typed, oldest first, and the file that keeps
// them: one JSON string a line, readable by its owner only.
type History struct {
	entries []string
	path    string // "": no file
}

// OpenHistory reads the history kept at path, which need not exist yet. An empty
// path keeps nothing. Lines of the file that cannot be read are left out.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	if path == "" {
		return h, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	lines := 0
	scanner := bufio.NewScanner(io.LimitReader(f, maxHistoryBytes))
	scanner.Buffer(nil, 8*maxEntryBytes)
	for scanner.Scan() {
		lines++
		var entry string
		if json.Unmarshal(scanner.Bytes(), &entry) == nil && entry != "" {
			h.keep(entry)
		}
	}
	if err := scanner.Err(); err != nil {
		return h, fmt.Errorf("history: %s: %w", path, err)
	}
	if lines > 2*maxEntries {
		return h, h.rewrite()
	}
	return h, nil
}

// keep adds an entry in memory. It returns false for one that is there already.
func (h *History) keep(entry string) bool {
	if n := len(h.entries); n > 0 && h.entries[n-1] == entry {
		return false
	}
	h.entries = append(h.entries, entry)
	h.entries = h.entries[max(0, len(h.entries)-maxEntries):]
	return true
}

// Add adds a line that was typed, unless it is empty, very long or that of before.
func (h *History) Add(entry string) error {
	if strings.TrimSpace(entry) == "" || len(entry) > maxEntryBytes || !h.keep(entry) || h.path == "" {
		return nil
	}
	f, err := h.open()
	if err != nil {
		return err
	}
	_, err = f.Write(historyLine(entry))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

func historyLine(entry string) []byte {
	b, err := json.Marshal(entry)
	if err != nil {
		panic(err) // a string has always a JSON form
	}
	return append(b, '\n')
}

// open opens the file to append to it, and makes it and its folder where they are not
// there.
func (h *History) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return f, nil
}

// rewrite shortens a file that has grown too long.
func (h *History) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history-*")
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	for _, e := range h.entries {
		w.Write(historyLine(e))
	}
	err = w.Flush()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// Entries returns the entries, oldest first.
func (h *History) Entries() []string {
	if h == nil {
		return nil
	}
	return h.entries
}

// find returns the last entry before index that contains text, -1 if none does.
func (h *History) find(text string, before int) int {
	entries := h.Entries()
	for i := min(before, len(entries)) - 1; i >= 0; i-- {
		if strings.Contains(entries[i], text) {
			return i
		}
	}
	return -1
}
