package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The codecs.
const (
	codecNone   = 0
	codecSnappy = 1
	codecGzip   = 2
	codecZstd   = 6
)

var codecNames = map[int]string{3: "LZO", 4: "Brotli", 5: "LZ4", 7: "LZ4"}

// decompress returns the size bytes that a page becomes. Memory grows with what comes out.
func decompress(codec int, b []byte, size int) ([]byte, error) {
	var in io.Reader
	switch codec {
	case codecNone:
		if len(b) != size {
			return nil, wrong("a page of %d bytes, want %d", len(b), size)
		}
		return b, nil
	case codecSnappy:
		return unsnap(b, size)
	case codecGzip:
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, wrong("gzip: %v", err)
		}
		in = z
	case codecZstd:
		z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, wrong("zstd: %v", err)
		}
		defer z.Close()
		in = z
	default:
		name := codecNames[codec]
		return nil, wrong("is compressed with codec %d %s: snappy, gzip and zstd are read", codec, name)
	}
	out, err := io.ReadAll(io.LimitReader(in, int64(size)+1))
	if err != nil {
		return nil, wrong("a compressed page: %v", err)
	}
	if len(out) != size {
		return nil, wrong("a page of %d bytes or more, want %d", len(out), size)
	}
	return out, nil
}

// maxWindow bounds what zstd keeps of what it wrote, in bytes.
const maxWindow = 32 << 20

// unsnap decompresses a block of Snappy: https://github.com/google/snappy/blob/main/format_description.txt.
func unsnap(b []byte, size int) ([]byte, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n != uint64(size) {
		return nil, wrong("snappy: %d bytes, want %d", n, size)
	}
	b = b[used:]
	var out []byte // grows with what is in b
	for len(b) > 0 {
		tag, length, offset, header := b[0], 0, 0, 1
		switch tag & 3 {
		case 0:
			length = int(tag >> 2)
			if extra := length - 59; extra > 0 {
				if len(b) < 1+extra {
					return nil, wrong("snappy: ends in a tag")
				}
				length = 0
				for i := range extra {
					length |= int(b[1+i]) << (8 * i)
				}
				header += extra
			}
			length++
			if b = b[header:]; length > len(b) || length > size-len(out) {
				return nil, wrong("snappy: %d bytes, %d are left", length, len(b))
			}
			out = append(out, b[:length]...)
			b = b[length:]
			continue
		case 1:
			header = 2
			if len(b) >= header {
				length, offset = 4+int(tag>>2&7), int(tag>>5)<<8|int(b[1])
			}
		case 2:
			header = 3
			if len(b) >= header {
				length, offset = 1+int(tag>>2), int(binary.LittleEndian.Uint16(b[1:]))
			}
		case 3:
			header = 5
			if len(b) >= header {
				length, offset = 1+int(tag>>2), int(binary.LittleEndian.Uint32(b[1:]))
			}
		}
		if len(b) < header || offset == 0 || offset > len(out) || length > size-len(out) {
			return nil, wrong("snappy: a copy of %d bytes from %d back, at byte %d of %d", length, offset, len(out), size)
		}
		for from := len(out) - offset; length > 0; length-- {
			out = append(out, out[from])
			from++
		}
		b = b[header:]
	}
	if len(out) != size {
		return nil, wrong("snappy: %d bytes, want %d", len(out), size)
	}
	return out, nil
}
