package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// Vouched is who had signed a model when it was stored.
type Vouched struct {
	By        string    `json:"by"` // the id of a key, or whose certificate it is
	At        time.Time `json:"at"` // when that was found
	Root      string    `json:"root"`
	Signature Digest    `json:"signature"` // of the signature's file
}

// Voucher says who signed a model.
type Voucher interface {
	// Admits says whether a model may be stored that has a signature, or none, before its
	// files are fetched.
	Admits(isSigned bool) error
	// Vouch returns who signed the files, which are as the model has them; nil: nobody who is
	// trusted. An error refuses the model.
	Vouch(files []File, signature []byte) (*Vouched, error)
}

// MaxSignature bounds the file of a signature, in bytes.
const MaxSignature = 64 << 20

// signatureNames are what the signature of a model may be called in its folder.
func signatureNames(file string) []string { return []string{"model.sig", file + ".sig"} }

// signatureBeside returns the signature that lies beside a model of a path, nil where there
// is none.
func signatureBeside(at string) ([]byte, error) {
	folder, names := filepath.Dir(at), signatureNames(filepath.Base(at))
	if st, err := os.Stat(at); err == nil && st.IsDir() {
		folder, names = at, []string{"model.sig", filepath.Base(at) + ".sig", filepath.Join("..", filepath.Base(at)+".sig")}
	}
	for _, name := range names {
		text, err := readSignature(filepath.Join(folder, name))
		if err != nil || text != nil {
			return text, err
		}
	}
	return nil, nil
}

// readSignature reads a file, nil where there is none.
func readSignature(at string) ([]byte, error) {
	st, err := os.Stat(at)
	if err != nil || !st.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSignature+1))
	if err == nil && len(text) > MaxSignature {
		err = fmt.Errorf("signature: %s has more than %d bytes: %w", at, MaxSignature, ErrFormat)
	}
	return text, err
}

// signature returns the file in a repository that signs chosen ones; false: there is none.
func (r *repository) signature(chosen []remote) (remote, bool) {
	if len(chosen) == 0 {
		return remote{}, false
	}
	first := chosen[0].label()
	for _, name := range []string{path.Join(path.Dir(first), "model.sig"), first + ".sig", "model.sig"} {
		for _, f := range r.files {
			if f.path == name && f.size <= MaxSignature {
				return f, true
			}
		}
	}
	return remote{}, false
}

// fetchSignature returns the signature that a source lists beside the files, nil for none.
func (l *listing) fetchSignature(ctx context.Context) ([]byte, error) {
	f := l.signature
	if f == nil {
		return nil, nil
	}
	answer, err := l.client.Get(ctx, fetch.Request{URL: f.url, Header: f.header, Limit: MaxSignature})
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusForbidden) && f.digest == Digest{} && f.git == [20]byte{}:
		return nil, nil // nobody said that it is there
	case err != nil:
		return nil, fmt.Errorf("signature %s: %w", printable(f.label()), err)
	}
	return answer.Body, nil
}

// admit fetches the signature of what a source lists, and says whether such a model may be
// stored.
func (s *Store) admit(ctx context.Context, l *listing) error {
	if s.Voucher == nil {
		return nil
	}
	var err error
	if l.signed, err = l.fetchSignature(ctx); err != nil {
		return err
	}
	return s.Voucher.Admits(l.signed != nil)
}

// vouch notes in a model who signed it.
func (s *Store) vouch(m *Model, signature []byte) error {
	m.Vouched = nil
	if s.Voucher == nil {
		return nil
	}
	if err := s.Voucher.Admits(signature != nil); err != nil || signature == nil {
		return err
	}
	var err error
	if m.Vouched, err = s.Voucher.Vouch(m.Files, signature); err != nil {
		return fmt.Errorf("%s: %w", m.Name.Short(), err)
	}
	if m.Vouched != nil && len(m.Vouched.By) > maxVoucher {
		m.Vouched.By = clip(m.Vouched.By)
	}
	return nil
}

// maxVoucher bounds the name of who vouches, in bytes.
const maxVoucher = 1024

// revouch notes who signed a model that is stored already, as its source has the signature
// now.
func (s *Store) revouch(ctx context.Context, m *Model, signature []byte) error {
	if s.Voucher == nil || m.Vouched != nil && signature != nil && Digest(sha256.Sum256(signature)) == m.Vouched.Signature {
		return nil
	}
	before := m.Vouched
	if err := s.vouch(m, signature); err != nil || before == nil && m.Vouched == nil {
		return err
	}
	held, err := s.lockCommits(ctx)
	if err != nil {
		return err
	}
	defer held.release()
	return s.writeManifest(m)
}
