package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// The types of flags that have bounds. A value says what it wants when it is set, so
// that the message is the same wherever the text came from.

// number is a float within bounds.
type number struct {
	v        float32
	min, max float32
	set      bool
}

func (n *number) String() string {
	if n == nil || !n.set {
		return ""
	}
	return strconv.FormatFloat(float64(n.v), 'g', -1, 32)
}

func (n *number) Set(text string) error {
	v, err := strconv.ParseFloat(text, 32)
	if f := float32(v); err == nil && f >= n.min && f <= n.max {
		n.v, n.set = f, true
		return nil
	}
	return settings.Want(fmt.Sprintf("a number from %v to %v", n.min, n.max))
}

func (n *number) Type() string { return "number" }

// reset takes back what was set; so do the resets below.
func (n *number) reset() { n.v, n.set = 0, false }

// count is an integer within bounds.
type count struct {
	v        int
	min, max int
	set      bool
}

func (c *count) String() string {
	if c == nil || !c.set {
		return ""
	}
	return strconv.Itoa(c.v)
}

func (c *count) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err == nil && v >= c.min && v <= c.max {
		c.v, c.set = v, true
		return nil
	}
	return settings.Want(fmt.Sprintf("a whole number from %d to %d", c.min, c.max))
}

func (c *count) Type() string { return "count" }

func (c *count) reset() { c.v, c.set = 0, false }

// counts are several integers within bounds, with commas between.
type counts struct {
	v        []int
	min, max int
	set      bool
}

func (c *counts) String() string {
	if c == nil || !c.set {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(c.v), " ", ","), "[]")
}

func (c *counts) Set(text string) error {
	var list []int
	for field := range strings.SplitSeq(text, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || v < c.min || v > c.max {
			return settings.Want(fmt.Sprintf("whole numbers from %d to %d, with commas between", c.min, c.max))
		}
		list = append(list, v)
	}
	c.v, c.set = list, true
	return nil
}

func (c *counts) Type() string { return "counts" }

// seed is any 64-bit number.
type seed struct {
	v   uint64
	set bool
}

func (s *seed) String() string {
	if s == nil || !s.set {
		return ""
	}
	return strconv.FormatUint(s.v, 10)
}

func (s *seed) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return settings.Want("a whole number from 0 to 18446744073709551615")
	}
	s.v, s.set = v, true
	return nil
}

func (s *seed) Type() string { return "seed" }

func (s *seed) reset() { *s = seed{} }

// next returns the seed of the next answer: the one that was given, else a random one.
func (s *seed) next() uint64 {
	if s.set {
		return s.v
	}
	var b [8]byte
	rand.Read(b[:])                               // never fails
	return binary.LittleEndian.Uint64(b[:]) >> 11 // so that every JSON reader keeps it exact
}

// choice is one of some words, or empty.
type choice struct {
	v    string
	from []string
}

func (c *choice) String() string {
	if c == nil {
		return ""
	}
	return c.v
}

func (c *choice) Set(text string) error {
	if low := strings.ToLower(text); slices.Contains(c.from, low) {
		c.v = low
		return nil
	}
	return settings.Want(spelling.OneOf(c.from))
}

func (c *choice) Type() string { return "word" }

// maxThinkBudget bounds --think.
const maxThinkBudget = 1 << 24

// think is on, off, or a number of tokens.
type think struct {
	v    blitz.Think
	text string
}

func (t *think) String() string {
	if t == nil {
		return ""
	}
	return t.text
}

func (t *think) Set(text string) error {
	switch strings.ToLower(text) {
	case "on", "true":
		t.v = blitz.Think{Mode: blitz.ThinkOn}
	case "off", "false", "0":
		t.v = blitz.Think{Mode: blitz.ThinkOff}
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxThinkBudget {
			return settings.Want(fmt.Sprintf("on, off, or tokens up to %d; a prompt that begins like a value stands behind --", maxThinkBudget))
		}
		t.v = blitz.Think{Mode: blitz.ThinkOn, Budget: n}
	}
	t.text = text
	return nil
}

func (t *think) Type() string { return "on|off|N" }

func (t *think) reset() { *t = think{} }

// flagError puts an error of the flag parser into the words of this program.
func flagError(flags *pflag.FlagSet, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		if short := invalid.GetFlag().Shorthand; short != "" { // -ngl is -n with gl
			if hint := flagHint(flags, short+invalid.GetValue()); hint != "" {
				return fault.WithHint(fault.Misuse(fmt.Errorf("unknown flag: -%s%s", short, invalid.GetValue())), hint)
			}
		}
		return settings.BadValue("--"+invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return fault.Misuse(err)
	}
	return habitError(flags, err, unknown)
}
