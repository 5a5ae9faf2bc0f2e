package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

// pullProgress returns what shows the progress of a pull on stderr: for people, or with
// --json for programs, and what ends it.
func pullProgress(cmd *cobra.Command) (report func(hub.Progress), end func()) {
	if has(cmd, "json") && cmd.Name() == "pull" {
		e := &events{w: cmd.ErrOrStderr()}
		return e.report, func() {}
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	return p.report, p.end
}

// event is a line of progress for programs.
type event struct {
	Stage   hub.Stage `json:"stage"`
	What    string    `json:"what,omitempty"`
	Item    int       `json:"item,omitempty"`
	Items   int       `json:"items,omitempty"`
	Done    int64     `json:"done"`                   // bytes
	Total   int64     `json:"total,omitempty"`        // bytes
	Speed   float64   `json:"bytes_per_s,omitempty"`  // over the last seconds
	Left    float64   `json:"seconds_left,omitempty"` // at this speed
	Version string    `json:"version,omitempty"`      // commit, tag or digest
}

// events writes progress as lines of JSON.
type events struct {
	mu sync.Mutex
	w  io.Writer
}

func (e *events) report(p hub.Progress) {
	line, err := json.Marshal(event{
		Stage: p.Stage, What: p.What, Item: p.Item, Items: p.Items, Done: p.Done, Total: p.Total,
		Speed: math.Round(p.Speed), Left: math.Round(10*p.Left.Seconds()) / 10, Version: p.Version,
	})
	if err != nil {
		return // numbers and texts: there is no such error
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(e.w, "%s\n", line)
}
