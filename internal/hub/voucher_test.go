package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// lawyer vouches for models of signed files whose signature is the word "good".
type lawyer struct {
	require bool
	seen    []string // names of the files that were asked about
}

var errUnsigned, errForged = errors.New("unsigned"), errors.New("forged")

func (l *lawyer) Admits(isSigned bool) error {
	if l.require && !isSigned {
		return errUnsigned
	}
	return nil
}

func (l *lawyer) Vouch(files []File, signature []byte) (*Vouched, error) {
	for _, f := range files {
		l.seen = append(l.seen, f.Name)
	}
	switch string(signature) {
	case "good":
		return &Vouched{By: "somebody", At: time.Unix(1, 0).UTC(), Root: "root", Signature: digestOf(signature)}, nil
	case "forged":
		return nil, errForged
	}
	return nil, nil
}

// TestVouched: the signature beside a model is found where it may lie, in a repository and
// on the disk; who vouched is noted, kept by other names, and noted anew by the next pull; a
// forged one, and where that is wanted a missing one, keeps the model out, before a byte of
// it is fetched.
func TestVouched(t *testing.T) {
	q4 := tinyGGUF(t, 1, 200)
	for _, c := range []struct {
		name, signature string
		require         bool
		want            error
		by              string
	}{
		{"m-Q4_K_M.gguf.sig", "good", true, nil, "somebody"},
		{"model.sig", "good", false, nil, "somebody"},
		{"model.sig", "of a stranger", false, nil, ""},
		{"model.sig", "forged", false, errForged, ""},
		{"other.sig", "good", true, errUnsigned, ""},
		{"other.sig", "good", false, nil, ""},
	} {
		hub := newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": q4, c.name: []byte(c.signature)})
		s := hub.store(t)
		l := &lawyer{require: c.require}
		s.Voucher = l
		m, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
		if !errors.Is(err, c.want) {
			t.Fatalf("%+v: %v", c, err)
		}
		if err != nil {
			if errors.Is(err, errUnsigned) && slices.ContainsFunc(hub.requests, func(r string) bool { return strings.Contains(r, "gguf") && strings.Contains(r, "resolve") }) {
				t.Errorf("%+v: the model was fetched: %v", c, hub.requests)
			}
			if list, err := s.List(); err != nil || len(list) > 0 {
				t.Errorf("%+v: it is stored all the same: %v, %v", c, list, err)
			}
			continue
		}
		by := func(m *Model) string {
			if m.Vouched == nil {
				return ""
			}
			return m.Vouched.By
		}
		if by(m) != c.by || c.by != "" && !slices.Equal(l.seen, []string{"m-Q4_K_M.gguf"}) {
			t.Errorf("%+v: by %q, asked about %v", c, by(m), l.seen)
		}
		second, err := s.Copy(t.Context(), m.Name.String(), "second")
		if err != nil || by(second) != c.by {
			t.Errorf("%+v: a copy is vouched for by %q, %v", c, by(second), err)
		}
		s.Voucher = nil
		if m, err = s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); err != nil || by(m) != c.by {
			t.Errorf("%+v: pulled again: %q, %v", c, by(m), err)
		}
	}

	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "m.gguf"), q4)
	for _, name := range []string{"m.gguf.sig", "model.sig"} {
		s := newStore(t)
		s.Voucher = &lawyer{require: true}
		if _, err := s.Import(t.Context(), path, "m", nil); !errors.Is(err, errUnsigned) {
			t.Errorf("without a signature: %v", err)
		}
		signature := write(t, filepath.Join(dir, name), []byte("good"))
		m, err := s.Import(t.Context(), path, "m", nil)
		if err != nil || m.Vouched == nil {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if err := os.Remove(signature); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSumsAt: the sums of a stored model count while its files are as they were stored.
func TestSumsAt(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "m", 1)
	path, err := s.Path(m)
	if err != nil {
		t.Fatal(err)
	}
	if sums, ok := m.SumsAt(path); !ok || len(sums) != len(m.Files) {
		t.Errorf("%v, %v", sums, ok)
	}
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(s.blobPath(m.Files[0].Digest), later, later); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.SumsAt(path); ok && len(m.Stamps) > 0 {
		t.Error("sums of a file that was written to count")
	}
}
