package course

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
)

// Board is the file of TensorBoard of a run whose journals are lines of JSON with any fields: the
// numbers of a line are scalars by their names, behind that of the line's stage if it has one; a
// completion is a text.
type Board struct {
	events *Events
	file   *os.File
	now    func() time.Time
	shown  map[string]int // texts of a step, by stage and step
}

// boardTexts is how many answers of a step are shown.
const boardTexts = 4

// OpenBoard begins the file of a folder anew, with what its journals have; one that is not there
// has nothing.
func OpenBoard(folder string, now func() time.Time, journals ...string) (*Board, error) {
	f, err := os.Create(filepath.Join(folder, eventsName))
	if err != nil {
		return nil, err
	}
	b := &Board{file: f, now: now, shown: map[string]int{}}
	b.events, err = NewEvents(f, seconds(now()))
	for _, name := range journals {
		if err == nil {
			err = b.journal(filepath.Join(folder, name))
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

// journal writes what a file of lines has.
func (b *Board) journal(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxMetric)
	for in.Scan() {
		if err := b.line(in.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", message.Clean(path), err)
		}
	}
	return in.Err()
}

// Write writes what a line of a journal becomes.
func (b *Board) Write(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.line(line)
}

// boardLine is what a line may have beside numbers.
type boardLine struct {
	Stage      string  `json:"stage"`
	Split      string  `json:"split"`
	Step       int     `json:"step"`
	Problem    string  `json:"problem"`
	Completion *string `json:"completion"`
}

func (b *Board) line(line []byte) error {
	var x boardLine
	var all map[string]any
	err := unmarshal(line, &x)
	if err == nil {
		err = unmarshal(line, &all)
	}
	if err != nil {
		return err
	}
	prefix := ""
	for _, part := range []string{x.Stage, x.Split} {
		if part != "" {
			prefix += part + "/"
		}
	}
	at := seconds(b.now())
	if x.Completion != nil {
		key := fmt.Sprintf("%s%d", prefix, x.Step)
		n := b.shown[key]
		if b.shown[key]++; n >= boardTexts {
			return nil
		}
		return b.events.Text(at, x.Step, fmt.Sprintf("%sanswers/%d", prefix, n), x.Problem+"\n\n---\n\n"+*x.Completion)
	}
	delete(all, "step")
	values := numbers(nil, prefix, all)
	slices.SortFunc(values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	return b.events.Scalars(at, x.Step, values...)
}

// numbers appends the numbers of an object, those of objects and of lists of objects with a name in
// it with both names.
func numbers(list []Value, prefix string, all map[string]any) []Value {
	for name, v := range all {
		switch v := v.(type) {
		case float64:
			list = append(list, Value{prefix + name, v})
		case map[string]any:
			list = numbers(list, prefix+name+"/", v)
		case []any:
			for _, x := range v {
				if o, ok := x.(map[string]any); ok {
					if own, ok := o["name"].(string); ok {
						list = numbers(list, prefix+name+"/"+own+"/", o)
					}
				}
			}
		}
	}
	return list
}

// Close ends the file.
func (b *Board) Close() error { return b.file.Close() }
