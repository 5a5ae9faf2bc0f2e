package cluster

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestKeysOfNone: a bucket without keys is an empty list, in JSON too.
func TestKeysOfNone(t *testing.T) {
	q := NewMemory()
	t.Cleanup(q.Close)
	keys, err := Keys(t.Context(), q, Faults, 10)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(Overview{Faults: keys})
	if err != nil || !strings.Contains(string(text), `"faults":[]`) {
		t.Errorf("%s, %v; want no faults as []", text, err)
	}
}

// TestPageAddress: a page that other machines could read is refused, in one line.
func TestPageAddress(t *testing.T) {
	for _, address := range []string{"0.0.0.0:7320", "[::]:7320", "nothing"} {
		n := &Node{Page: address}
		if _, err := n.servePage(t.Context()); !errors.Is(err, ErrConfig) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v, want one line of %v", address, err, ErrConfig)
		}
	}
}
