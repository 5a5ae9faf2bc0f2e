package main

import (
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/settings"
)

// size is a flag that takes bytes: 500, 64K, 200MiB, 8GB.
type size struct {
	v   int64
	set bool
}

// sizeUnits are what stands for how many bytes; programs write both forms of each.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KIB", 1 << 10},
	{"MIB", 1 << 20},
	{"GIB", 1 << 30},
	{"TIB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"K", 1 << 10},
	{"M", 1 << 20},
	{"G", 1 << 30},
	{"T", 1 << 40},
	{"B", 1},
	{"", 1},
}

// String returns the bytes as people write them.
func (s *size) String() string {
	if s.v == 0 {
		return "0"
	}
	return strings.ReplaceAll(hub.FormatBytes(s.v), " ", "")
}

// Set reads a number of bytes.
func (s *size) Set(text string) error {
	upper := strings.ToUpper(strings.TrimSpace(text))
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(upper, u.suffix)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(x >= 0) || x*float64(u.bytes) > 1<<60 {
			break
		}
		s.v, s.set = int64(x*float64(u.bytes)), true
		return nil
	}
	return settings.Want("a number of bytes, such as 500MB or 8GiB")
}

// Type returns what help calls the value.
func (s *size) Type() string { return "bytes" }
