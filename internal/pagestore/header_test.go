package pagestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
)

func testHeader(groups int) *header {
	h := &header{split: 7, make: Sum{1}, name: Sum{2}, parent: Sum{3}}
	for i := range groups {
		h.groups = append(h.groups, section{uint64(i * 64), Sum{byte(i)}})
	}
	return h
}

func TestHeader(t *testing.T) {
	for _, groups := range []int{1, 2, 64, 65, maxGroups} {
		h := testHeader(groups)
		b := h.encode()
		if len(b) != headerBytes(groups) {
			t.Errorf("%d groups: %d bytes, want %d", groups, len(b), headerBytes(groups))
		}
		got, size, err := decode(append(b, 1, 2, 3))
		if want := int64(len(b) + 64*groups*(groups-1)/2); err != nil || size != want || !reflect.DeepEqual(&got, h) {
			t.Errorf("%d groups: %d bytes, want %d, %v", groups, size, want, err)
		}
	}
	for what, b := range map[string][]byte{
		"no groups":       testHeader(0).encode(),
		"too many groups": testHeader(maxGroups + 1).encode(),
		"too long":        (&header{groups: []section{{bytes: maxPageBytes / 2}, {bytes: maxPageBytes / 2}}}).encode(),
		"overflowing":     (&header{groups: []section{{bytes: 1<<64 - 1}, {bytes: 1<<63 + 5}}}).encode(),
	} {
		if _, _, err := decode(b); !errors.Is(err, errDamaged) {
			t.Errorf("%s: got %v, want %v", what, err, errDamaged)
		}
	}
}

// The format of files and names stays what it is: an independent program made this one.
func TestFormat(t *testing.T) {
	h := testHeader(1)
	h.name = pageName(testMake.digest(), sha256.Sum256([]byte("text")))
	sum := sha256.Sum256(h.encode())
	if got, want := hex.EncodeToString(sum[:]), "265fff5dd099b43a880d5e9893618433547876ee10d9347938f2f418c285cc78"; got != want {
		t.Errorf("header: digest %s, want %s: a change needs another version", got, want)
	}
}

// FuzzHeader: no bytes are read as a header but those that encode it, and none take
// memory that the bytes do not.
func FuzzHeader(f *testing.F) {
	for _, groups := range []int{0, 1, 3} {
		b := testHeader(groups).encode()
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Bytes whose sum is right, too.
		if n := len(b) - sha256.Size; n >= fixedBytes {
			resummed := bytes.Clone(b)
			groups := int(resummed[len(magic)+4])
			if length := headerBytes(groups); length <= len(b) {
				sum := sha256.Sum256(resummed[:length-sha256.Size])
				copy(resummed[length-sha256.Size:], sum[:])
				checkDecode(t, resummed)
			}
		}
		checkDecode(t, b)
	})
}

func checkDecode(t *testing.T, b []byte) {
	h, size, err := decode(b)
	if err != nil {
		if !errors.Is(err, errDamaged) {
			t.Errorf("error %v does not wrap %v", err, errDamaged)
		}
		return
	}
	again := h.encode()
	if len(again) > len(b) || !bytes.Equal(again, b[:len(again)]) {
		t.Errorf("read, a header of %d bytes is written in %d others", len(b), len(again))
	}
	if size < int64(len(again)) || size > maxPageBytes {
		t.Errorf("a page of %d bytes", size)
	}
}
