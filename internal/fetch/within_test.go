package fetch

import (
	"errors"
	"testing"
)

// A server that another one names is no nearer than that one may send to.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"https://registry.example", "https://auth.example/token", true},
		{"https://registry.example", "https://10.1.2.3/token", false},
		{"https://registry.example", "https://127.0.0.1/token", false},
		{"https://registry.example", "https://169.254.169.254/token", false},
		{"https://registry.example", "http://127.0.0.1/token", false},
		{"https://10.1.2.3", "https://10.4.5.6/token", true},
		{"https://10.1.2.3", "https://127.0.0.1/token", false},
		{"http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true},
		{"http://127.0.0.1:5000", "https://10.1.2.3/token", true},
		{"http://127.0.0.1:5000", "http://10.1.2.3/token", false},
		{"http://127.0.0.1:5000", "http://[fe80::1]/token", false},
	} {
		from, err := New(Options{Base: c.from})
		if err != nil {
			t.Fatal(err)
		}
		to, err := New(Options{Base: c.to, Within: from})
		if (err == nil) != c.ok {
			t.Errorf("from %s to %s: %v, want ok %v", c.from, c.to, err, c.ok)
		}
		if err == nil && to.reach.limit() != from.reach.limit() {
			t.Errorf("from %s to %s: reaches %s addresses, want %s", c.from, c.to, to.reach.limit(), from.reach.limit())
		}
		if errors.Is(err, ErrUnreachable) {
			t.Errorf("from %s to %s: %v is told as a fault of the network", c.from, c.to, err)
		}
	}
}
