package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/model"
)

// TestNoRoomForTraining: a run whose gradients and moments no machine has room for is refused
// before anything of it is there, with what would need less.
func TestNoRoomForTraining(t *testing.T) {
	err := checkTrainingRoom(1<<52, t.TempDir())
	if !errors.Is(err, model.ErrNoRoom) || exitCode(err) != exitNoRoom {
		t.Fatalf("error %v, exit code %d, want ErrNoRoom and %d", err, exitCode(err), exitNoRoom)
	}
	if text := err.Error(); !strings.Contains(text, "are free") {
		t.Errorf("the error does not say what there is: %s", text)
	}
	if err := checkTrainingRoom(1, t.TempDir()); err != nil {
		t.Errorf("a single weight: %v", err)
	}
}
