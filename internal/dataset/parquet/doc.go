// Package parquet reads the rows of Parquet files: chosen columns of strings, numbers and
// truth values, and lists and groups of them, to any depth.
//
// It reads what the format's specification (https://parquet.apache.org/docs/file-format/)
// calls data pages of both versions, in the encodings PLAIN, RLE, dictionaries and the
// three of deltas, compressed with snappy, gzip, zstd or not at all. A file is not
// believed: nothing takes memory because the file says so, but for what it holds.
package parquet

import (
	"errors"
	"fmt"
)

// ErrFormat: a file is damaged, or uses what is not read here. The message says where.
var ErrFormat = errors.New("unusable Parquet file")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrFormat)
}

// Bounds on files.
const (
	maxFooter   = 16 << 20 // bytes
	maxElements = 10_000   // of a schema
	maxDepth    = 64       // of groups, and of the structures of a header
	maxPage     = 256 << 20
	maxRowBytes = 64 << 20 // of the strings of a row
	maxRowItems = 1 << 20  // values of a row
	// The values of a file may have so many times its size, and some bytes to spare: a
	// few bytes can say that a value is there a billion times.
	maxGrowth   = 1000
	spareGrowth = 16 << 20
	valueCost   = 32 // of any value, beside the bytes of a string
)
