package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"fmt"
	"io"
)

// Bounds of what streams hold.
const (
	maxStream  = 64 << 20  // bytes of one, decoded
	maxDecoded = 512 << 20 // of all together, as often as they are decoded
	maxFilters = 8
)

// errWork ends a file that asks for more than any honest one does.
var errWork = errors.New("it takes more work to read than a document does")

// errPicture is a stream that holds a picture.
var errPicture = errors.New("a picture")

// decode returns the bytes of a stream. What comes before damage is valid; the error is
// errWork, errPicture or says which filter is not known.
func (f *file) decode(s *stream) ([]byte, error) {
	filters := f.list(s.dict["Filter"])
	parameters := f.list(s.dict["DecodeParms"])
	if len(filters) > maxFilters {
		return nil, fmt.Errorf("%d filters, %d at most", len(filters), maxFilters)
	}
	b := s.raw
	for i, o := range filters {
		var p dict
		if i < len(parameters) {
			p, _ = f.resolve(parameters[i]).(dict)
		}
		kind, _ := f.resolve(o).(name)
		var err error
		if b, err = f.filter(kind, b, p); err != nil {
			return nil, err
		}
		if f.decoded += len(b); f.decoded > maxDecoded || len(b) > maxStream {
			return nil, errWork
		}
	}
	return b, nil
}

// list returns an array, and of any other object one of it alone; nil of null.
func (f *file) list(o any) array {
	switch o := f.resolve(o).(type) {
	case nil:
		return nil
	case array:
		return o
	default:
		return array{o}
	}
}

// filter undoes one filter.
func (f *file) filter(kind name, b []byte, p dict) ([]byte, error) {
	var r io.Reader
	switch kind {
	case "FlateDecode", "Fl":
		z, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, nil
		}
		r = z
	case "LZWDecode", "LZW":
		early := 1
		if n, ok := whole(f.resolve(p["EarlyChange"])); ok && n == 0 {
			early = 0
		}
		return f.predicted(unLZW(b, early), p)
	case "ASCII85Decode", "A85":
		if end := bytes.IndexByte(b, '~'); end >= 0 {
			b = b[:end]
		}
		r = ascii85.NewDecoder(bytes.NewReader(b))
	case "ASCIIHexDecode", "AHx":
		l := lexer{text: append([]byte{'<'}, b...)}
		return []byte(l.hex()), nil
	case "RunLengthDecode", "RL":
		return unrun(b), nil
	case "DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode":
		return nil, errPicture
	default:
		return nil, fmt.Errorf("an unknown filter %.40q", string(kind))
	}
	out, _ := io.ReadAll(io.LimitReader(r, maxStream+1)) // damage ends the stream early
	return f.predicted(out, p)
}

// unrun undoes the run lengths: n < 128, n+1 bytes as they are; n > 128, one byte 257-n times.
// It ends behind maxStream bytes.
func unrun(b []byte) []byte {
	var out []byte
	for len(b) > 1 && b[0] != 128 && len(out) <= maxStream {
		n := int(b[0])
		if n < 128 {
			n = min(n+1, len(b)-1)
			out = append(out, b[1:1+n]...)
			b = b[1+n:]
			continue
		}
		out = append(out, bytes.Repeat(b[1:2], 257-n)...)
		b = b[2:]
	}
	return out
}

// unLZW undoes LZW of 9 to 12 bits, most significant first. early is 1 where the width grows
// a code before it must, as PDF has it unless it says otherwise, else 0. It ends behind
// maxStream bytes.
func unLZW(b []byte, early int) []byte {
	const clear, end = 256, 257
	var out []byte
	var from, length [4096]int // where an entry's bytes lie in out
	next, width, last := 258, 9, -1
	lastFrom, lastLength := 0, 0
	var bits, have uint
	for _, c := range b {
		bits, have = bits<<8|uint(c), have+8
		if have < uint(width) {
			continue
		}
		have -= uint(width)
		code := int(bits >> have & (1<<width - 1))
		if code == clear {
			next, width, last = 258, 9, -1
			continue
		}
		if code == end || len(out) > maxStream {
			break
		}
		at := len(out)
		switch {
		case code < 256:
			out = append(out, byte(code))
		case code < next:
			out = append(out, out[from[code]:from[code]+length[code]]...)
		case code == next && last >= 0:
			out = append(append(out, out[lastFrom:lastFrom+lastLength]...), out[lastFrom])
		default:
			return out
		}
		if last >= 0 && next < 4096 {
			from[next], length[next] = lastFrom, lastLength+1
			next++
		}
		last, lastFrom, lastLength = code, at, len(out)-at
		if next+early >= 1<<width && width < 12 {
			width++
		}
	}
	return out
}

// predicted undoes the predictor of tables and pictures (of PNG; TIFF's is for pictures).
func (f *file) predicted(b []byte, p dict) ([]byte, error) {
	if n, _ := whole(f.resolve(p["Predictor"])); n < 10 {
		return b, nil
	}
	colors, bits, columns := f.sized(p["Colors"], 1, 32), f.sized(p["BitsPerComponent"], 8, 16), f.sized(p["Columns"], 1, 1<<20)
	pixel := max(1, colors*bits/8)
	row := (colors*bits*columns + 7) / 8
	out := make([]byte, 0, len(b))
	before := make([]byte, row)
	for len(b) > 1 {
		kind := b[0]
		line := b[1:min(len(b), 1+row)]
		b = b[1+len(line):]
		unpredict(kind, line, before, pixel)
		out = append(out, line...)
		before = before[:copy(before[:cap(before)], line)]
		for len(before) < row {
			before = append(before, 0)
		}
	}
	return out, nil
}

// sized returns a number from 1 to most, usual where none is given.
func (f *file) sized(o any, usual, most int) int {
	if n, ok := whole(f.resolve(o)); ok {
		return min(max(n, 1), most)
	}
	return usual
}

// unpredict undoes one line of PNG's filters.
func unpredict(kind byte, line, above []byte, pixel int) {
	for i := range line {
		var left, corner byte
		if i >= pixel {
			left, corner = line[i-pixel], above[i-pixel]
		}
		switch kind {
		case 1:
			line[i] += left
		case 2:
			line[i] += above[i]
		case 3:
			line[i] += byte((int(left) + int(above[i])) / 2)
		case 4:
			line[i] += paeth(left, above[i], corner)
		}
	}
}

// paeth returns which of the three is nearest to left + above - corner.
func paeth(left, above, corner byte) byte {
	p := int(left) + int(above) - int(corner)
	a, b, c := abs(p-int(left)), abs(p-int(above)), abs(p-int(corner))
	switch {
	case a <= b && a <= c:
		return left
	case b <= c:
		return above
	}
	return corner
}

func abs(n int) int { return max(n, -n) }
