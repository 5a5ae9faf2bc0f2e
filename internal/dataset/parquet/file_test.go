package parquet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/jinja"
)

// read is the columns of the test's files that are read: all but one.
var read = []string{"text", "messages", "prompt", "n", "b", "d", "f", "i"}

func rowsOf(b []byte, columns []string) ([]*jinja.Dict, error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)), columns)
	if err != nil {
		return nil, err
	}
	var rows []*jinja.Dict
	return rows, f.Rows(func(_ int, r *Row) error {
		rows = append(rows, r.Values)
		return nil
	})
}

// TestRows reads files of another writer, in every encoding and codec, against what it
// says they hold.
func TestRows(t *testing.T) {
	text, err := os.ReadFile("testdata/want.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := jinja.ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := want.List()
	for _, name := range []string{"snappy", "zstd", "gzip", "lengths", "prefixes", "bools"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := rowsOf(b, read)
		if err != nil || len(rows) != len(list) {
			t.Fatalf("%s: %d rows, error %v, want %d", name, len(rows), err, len(list))
		}
		for i, r := range rows {
			got, err := json.Marshal(r.Value())
			if err != nil {
				t.Fatal(err)
			}
			w, err := json.Marshal(list[i])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, w) {
				t.Fatalf("%s: row %d: got %s, want %s", name, i, got, w)
			}
		}
	}
}

// TestColumns holds that columns that nobody wants are not read.
func TestColumns(t *testing.T) {
	b, err := os.ReadFile("testdata/snappy.parquet")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := rowsOf(b, []string{"prompt", "nothing"})
	if err != nil || len(rows) != 150 {
		t.Fatalf("%d rows, error %v", len(rows), err)
	}
	if text, _ := json.Marshal(rows[4].Value()); string(text) != `{"prompt":"p1"}` {
		t.Errorf("row 4: %s", text)
	}
}

func TestRefuses(t *testing.T) {
	b, err := os.ReadFile("testdata/brotli.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rowsOf(b, read); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "Brotli") {
		t.Errorf("brotli: error %v", err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "a mark": []byte("PAR1"), "no mark": make([]byte, 100), "a long footer": []byte("PAR1\xff\xff\xff\x7fPAR1"),
	} {
		if _, err := rowsOf(b, read); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
}

// TestDamaged changes files all over: none panics, and no error is another one
// than that the file is damaged.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"snappy", "zstd", "gzip", "lengths", "prefixes"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		step := 37
		if testing.Short() {
			step = 211
		}
		for i := 0; i < len(b); i += step {
			for _, flip := range []byte{0x01, 0x80, 0xff} {
				damaged := bytes.Clone(b)
				damaged[i] ^= flip
				if _, err := rowsOf(damaged, read); err != nil && !errors.Is(err, ErrFormat) {
					t.Fatalf("%s: byte %d: %v", name, i, err)
				}
			}
		}
	}
}

// compact writes the beginnings of structures for the test of claims.
func compact(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int:
			b = binary.AppendUvarint(b, uint64(p)<<1)
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// TestClaims reads a file of some hundred bytes that says it holds a string two billion
// times. Its rows may not follow that.
func TestClaims(t *testing.T) {
	const many = 1 << 31
	long := strings.Repeat("x", 100)
	dictionary := binary.LittleEndian.AppendUint32(nil, uint32(len(long)))
	dictionary = append(dictionary, long...)
	page := append([]byte{0}, binary.AppendUvarint(nil, many<<1)...)
	head := func(kind, size, field int, encoding, values int) []byte {
		return compact(byte(0x15), kind, byte(0x15), size, byte(0x15), size,
			byte(field-3)<<4|0x0c, byte(0x15), values, byte(0x15), encoding, byte(0), byte(0))
	}
	body := []byte(mark)
	at := len(body)
	body = append(body, head(pageDictionary, len(dictionary), 7, plain, 1)...)
	body = append(body, dictionary...)
	data := len(body)
	body = append(body, head(pageData, len(page), 5, rleDictionary, many-1)...)
	body = append(body, page...)
	footer := compact(byte(0x15), 1, byte(0x19), byte(0x2c),
		byte(0x48), "schema", byte(0x15), 1, byte(0), // of one child
		byte(0x15), physicalBytes, byte(0x25), required, byte(0x18), "text", byte(0),
		byte(0x16), many-1,
		byte(0x19), byte(0x1c), byte(0x19), byte(0x1c), byte(0x3c), // one group, one column, its metadata
		byte(0x15), physicalBytes, byte(0x35), codecNone, byte(0x16), many-1, byte(0x26), len(body)-at, byte(0x26), data, byte(0x26), at, byte(0), byte(0),
		byte(0x26), many-1, byte(0), byte(0))
	file := append(body, footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	file = append(file, mark...)
	f, err := Open(bytes.NewReader(file), int64(len(file)), []string{"text"})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	err = f.Rows(func(int, *Row) error {
		rows++
		return nil
	})
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "times as large") {
		t.Errorf("error %v after %d rows", err, rows)
	}
	if most := (spareGrowth + maxGrowth*len(file)) / len(long); rows == 0 || rows > most {
		t.Errorf("%d rows, want some and at most %d", rows, most)
	}
}

func FuzzRows(f *testing.F) {
	for _, name := range []string{"snappy", "zstd", "gzip", "lengths", "prefixes", "bools"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := rowsOf(b, read); err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("%v does not wrap ErrFormat", err)
		}
	})
}
