package reward

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/message"
)

// ErrConfig is wrapped by errors of rewards that cannot be as they are written.
var ErrConfig = errors.New("these are no rewards")

// Reward is a function with a weight, by the names that a TOML file has. A key that its kind
// does not know has to be left out.
type Reward struct {
	Kind   string   `toml:"kind"`
	Name   string   `toml:"name,omitempty"`   // in reports; "": the kind
	Weight *float64 `toml:"weight,omitempty"` // nil: 1

	Part      string   `toml:"part,omitempty"`      // of the completion that is looked at
	Pattern   string   `toml:"pattern,omitempty"`   // regex: what is to be found; "": the example's answer
	Schema    string   `toml:"schema,omitempty"`    // schema: the text of a JSON Schema
	File      string   `toml:"file,omitempty"`      // schema, starlark: a file in place of the text
	Language  string   `toml:"language,omitempty"`  // language: "": the example's
	Plain     bool     `toml:"plain,omitempty"`     // format: without <answer>
	Max       int      `toml:"max,omitempty"`       // length: tokens from which all of the penalty is due
	Cache     int      `toml:"cache,omitempty"`     // length: tokens before that in which it grows
	Ngram     int      `toml:"ngram,omitempty"`     // repetition: words that repeat together
	Penalty   float64  `toml:"penalty,omitempty"`   // length, repetition: at most, as a positive number
	Tolerance float64  `toml:"tolerance,omitempty"` // numeric: how far a number may be away
	Script    string   `toml:"script,omitempty"`    // starlark: the text
	Steps     int      `toml:"steps,omitempty"`     // starlark: of a sample, at most
	Command   []string `toml:"command,omitempty"`   // command, program: a program and its arguments
	As        string   `toml:"as,omitempty"`        // command: the name of the file that has the code
	With      []string `toml:"with,omitempty"`      // command: files and folders that are copied beside it
	Score     string   `toml:"score,omitempty"`     // command: exit, or stdout, where the last line is a number
	Read      []string `toml:"read,omitempty"`      // command, program: files and folders that the program may read
	Seconds   float64  `toml:"seconds,omitempty"`   // command, program, starlark: for a sample, at most
	MemoryMB  int      `toml:"memory-mb,omitempty"` // command, program, starlark: MiB at most
	Processes int      `toml:"processes,omitempty"` // command, program: and threads, at most
}

// The kinds of rewards.
const (
	Countdown  = "countdown"
	Arithmetic = "arithmetic"
	Exact      = "exact"
	Numeric    = "numeric"
	Choice     = "choice"
	Regex      = "regex"
	Schema     = "schema"
	Format     = "format"
	Language   = "language"
	Length     = "length"
	Repetition = "repetition"
	Command    = "command"
	Program    = "program"
	Starlark   = "starlark"
	Function   = "function"
)

// keys are what each kind knows beside kind, name and weight.
var keys = map[string][]string{
	Countdown: {}, Arithmetic: {},
	Exact: {"part"}, Numeric: {"part", "tolerance"}, Choice: {"part"}, Regex: {"part", "pattern"},
	Schema: {"part", "schema", "file"}, Format: {"plain"}, Language: {"part", "language"},
	Length: {"max", "cache", "penalty"}, Repetition: {"part", "ngram", "penalty"},
	Command:  {"part", "command", "as", "with", "score", "read", "seconds", "memory-mb", "processes"},
	Program:  {"command", "read", "seconds", "memory-mb", "processes"},
	Starlark: {"script", "file", "steps", "seconds", "memory-mb"},
	Function: {},
}

// Kinds are the kinds, in their order.
var Kinds = []string{
	Countdown, Arithmetic, Exact, Numeric, Choice, Regex, Schema, Format, Language, Length, Repetition, Command, Program, Starlark, Function,
}

// usualParts are what kinds look at unless a part is given.
var usualParts = map[string]string{
	Exact: PartContent, Numeric: PartContent, Choice: PartContent, Regex: PartContent, Schema: PartContent,
	Language: PartReasoning, Repetition: PartCompletion, Command: PartCode,
}

// maxRewards bounds the rewards of a run, and maxFile a file of them, in bytes.
const (
	maxRewards = 64
	maxFile    = 4 << 20
)

// Parse reads the rewards of a TOML file: its tables [[rewards]]. Other keys are passed over,
// as they are those of a run. Files that they name are those beside the file.
func Parse(name string, text []byte) ([]Reward, error) {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", message.Clean(name), fmt.Sprintf(format, args...), ErrConfig)
	}
	if len(text) > maxFile {
		return nil, refuse("%d bytes, want at most %d", len(text), maxFile)
	}
	var file struct {
		Rewards []Reward `toml:"rewards"`
	}
	meta, err := toml.Decode(string(text), &file)
	if err != nil {
		return nil, refuse("%v", err)
	}
	for _, k := range meta.Undecoded() {
		if k[0] == "rewards" {
			return nil, refuse("%s is no key of a reward", message.Clean(k.String()))
		}
	}
	if err := Check(file.Rewards); err != nil {
		return nil, fmt.Errorf("%s: %w", message.Clean(name), err)
	}
	for i := range file.Rewards {
		file.Rewards[i].place(filepath.Dir(name))
	}
	return file.Rewards, nil
}

// place makes paths out of names of files beside a file.
func (r *Reward) place(folder string) {
	at := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(folder, path)
	}
	r.File = at(r.File)
	for _, list := range [][]string{r.With, r.Read} {
		for i := range list {
			list[i] = at(list[i])
		}
	}
	if len(r.Command) > 0 && strings.ContainsAny(r.Command[0], `/\`) {
		r.Command[0] = at(r.Command[0])
	}
}

// TOML returns rewards as Parse reads them.
func TOML(rewards []Reward) ([]byte, error) {
	return toml.Marshal(struct {
		Rewards []Reward `toml:"rewards"`
	}{rewards})
}

// label is the name of a reward in reports.
func (r *Reward) label() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Kind
}

// weight is how much it counts.
func (r *Reward) weight() float64 {
	if r.Weight == nil {
		return 1
	}
	return *r.Weight
}

// Check returns an error that wraps ErrConfig and names the first reward, and its key, that
// cannot be.
func Check(rewards []Reward) error {
	if len(rewards) == 0 || len(rewards) > maxRewards {
		return fmt.Errorf("%d rewards, want 1 to %d: %w", len(rewards), maxRewards, ErrConfig)
	}
	names := map[string]bool{}
	for i := range rewards {
		r := &rewards[i]
		err := r.check()
		if err == nil && names[r.label()] {
			err = fmt.Errorf("another one has the name %s, want a name for each", strconv.Quote(r.label()))
		}
		if err != nil {
			return fmt.Errorf("reward %d: %w: %w", i+1, err, ErrConfig)
		}
		names[r.label()] = true
	}
	return nil
}

// check names the first key that cannot be.
func (r *Reward) check() error {
	known, ok := keys[r.Kind]
	if !ok {
		return fmt.Errorf("kind is %s, want one of %s", message.Quote(r.Kind), strings.Join(Kinds, ", "))
	}
	v := reflect.ValueOf(*r)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ",")
		if !v.Field(i).IsZero() && !slices.Contains(append([]string{"kind", "name", "weight"}, known...), key) {
			return fmt.Errorf("%s is no key of %s", key, r.Kind)
		}
	}
	if w := r.weight(); math.IsNaN(w) || math.IsInf(w, 0) {
		return fmt.Errorf("weight is %v, want a number", w)
	}
	if r.Part != "" && !slices.Contains(Parts, r.Part) {
		return fmt.Errorf("part is %s, want one of %s", message.Quote(r.Part), strings.Join(Parts, ", "))
	}
	if err := r.checkNumbers(); err != nil {
		return err
	}
	return r.checkKind()
}

// checkNumbers names the first number that cannot be.
func (r *Reward) checkNumbers() error {
	for _, n := range []struct {
		name string
		got  float64
		most float64
	}{
		{"max", float64(r.Max), 1 << 30},
		{"cache", float64(r.Cache), 1 << 30},
		{"ngram", float64(r.Ngram), 64},
		{"penalty", r.Penalty, 1e6},
		{"tolerance", r.Tolerance, 1e300},
		{"steps", float64(r.Steps), 1e12},
		{"seconds", r.Seconds, 3600},
		{"memory-mb", float64(r.MemoryMB), 1 << 24},
		{"processes", float64(r.Processes), 1 << 16},
	} {
		if !(n.got >= 0 && n.got <= n.most) {
			return fmt.Errorf("%s is %v, want 0 to %v", n.name, n.got, n.most)
		}
	}
	return nil
}

// checkKind names what a kind lacks.
func (r *Reward) checkKind() error {
	switch r.Kind {
	case Regex:
		if _, err := regexp.Compile(r.Pattern); err != nil {
			return fmt.Errorf("pattern: %w", err)
		}
	case Language:
		if _, ok := scripts[r.Language]; r.Language != "" && !ok {
			return fmt.Errorf("language is %s, want one of %s", message.Quote(r.Language), strings.Join(languages(), ", "))
		}
	case Length:
		if r.Max == 0 || r.Cache > r.Max {
			return fmt.Errorf("max is %d and cache %d, want a max of 1 or more, and no larger cache", r.Max, r.Cache)
		}
	case Schema:
		if r.Schema != "" && r.File != "" {
			return errors.New("schema and file are given, want one of them, or neither for the example's own")
		}
	case Starlark:
		if (r.Script == "") == (r.File == "") {
			return errors.New("want script or file")
		}
	case Command, Program:
		if len(r.Command) == 0 || r.Command[0] == "" {
			return errors.New("command is empty, want a program and its arguments")
		}
		if r.As != "" && (r.As != filepath.Base(r.As) || strings.HasPrefix(r.As, ".")) {
			return fmt.Errorf("as is %s, want the name of a file", message.Quote(r.As))
		}
		if r.Score != "" && r.Score != scoreExit && r.Score != scoreStdout {
			return fmt.Errorf("score is %s, want %s or %s", message.Quote(r.Score), scoreExit, scoreStdout)
		}
	case Function:
		if r.Name == "" {
			return errors.New("name is missing, want that of a function")
		}
	}
	return nil
}
