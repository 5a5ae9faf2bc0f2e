package jinja

import (
	"errors"
	"strings"
	"testing"
)

// TestValueJSON writes values as JSON.
func TestValueJSON(t *testing.T) {
	const text = `{"é<": [1, 1.5, null, true, "\"\n"], "b": {}}`
	v, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.MarshalJSON(); err != nil || string(got) != text {
		t.Errorf("got %s, %v, want %s", got, err, text)
	}
	deep, err := ParseJSON([]byte(strings.Repeat("[", 200) + strings.Repeat("]", 200)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := List(List(deep)).MarshalJSON(); !errors.Is(err, ErrLimit) {
		t.Errorf("nested 202 deep: got %v, want ErrLimit", err)
	}
}
