package sandbox

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// TestMissing refuses by name where the system lacks something.
func TestMissing(t *testing.T) {
	s := Describe()
	err := Check()
	if (err == nil) != (s.Missing == "") || err != nil && (!errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), s.Missing)) {
		t.Errorf("%+v: error %v", s, err)
	}
	t.Logf("%s: %+v", runtime.GOARCH, s)
}
