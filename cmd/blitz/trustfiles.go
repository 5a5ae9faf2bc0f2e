package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/oms"
	"github.com/blitz-r1/blitz/internal/signed"
)

// maxKeyFile is how large the file of a key or of certificates may be, in bytes.
const maxKeyFile = 1 << 20

// readSigned reads a file of at most so many bytes.
func readSigned(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := signed.ReadAll(f, most)
	return text, signed.In(path, err)
}

// readPublicKey reads a public key.
func readPublicKey(path string) (*signed.PublicKey, error) {
	text, err := readSigned(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := signed.ParsePublicKey(text)
	return k, signed.In(path, err)
}

// readPublicKeys reads several.
func readPublicKeys(paths []string) ([]*signed.PublicKey, error) {
	var keys []*signed.PublicKey
	for _, p := range paths {
		k, err := readPublicKey(p)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// readPrivateKey reads a private key.
func readPrivateKey(path string) (*signed.PrivateKey, error) {
	text, err := readSigned(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := signed.ParsePrivateKey(text)
	return k, signed.In(path, err)
}

// writeNew writes a file that is there whole or not at all.
func writeNew(path string, text []byte) error {
	f, err := newfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	return f.Place()
}

// sayRefused prints why something was refused as JSON, where that is wanted, and returns
// the error.
func sayRefused(cmd *cobra.Command, asJSON bool, err error) error {
	var r *signed.Refusal
	if !asJSON || !errors.As(err, &r) {
		return err
	}
	return errors.Join(writeJSON(cmd.OutOrStdout(), newRefused(r)), err)
}

// refused is the JSON of a refusal.
type refused struct {
	OK     bool          `json:"ok"`
	Reason signed.Reason `json:"reason"`
	Detail string        `json:"detail"`
	First  *int          `json:"first_difference,omitempty"` // token, with output
	Block  *int          `json:"block,omitempty"`            // with chain
}

func newRefused(r *signed.Refusal) refused {
	return refused{Reason: r.Reason, Detail: r.Detail, First: r.First, Block: r.Block}
}

// signable is a MODEL whose files are signed or compared with a signature.
type signable struct {
	at     string              // its path
	stored *checkpoint.Listing // of a model of the store; nil: it is the user's
	model  *hub.Model          // nil: it is the user's
}

// locateSignable finds a MODEL: a path, whatever is there, or a model of the store.
func locateSignable(cmd *cobra.Command, name string) (*signable, error) {
	if _, err := os.Stat(name); err == nil && strings.ContainsRune(name, filepath.Separator) {
		return &signable{at: name}, nil
	}
	l, err := locateModel(cmd.Context(), cmd, name)
	if err != nil || l.Model == nil {
		return &signable{at: l.Path}, err
	}
	s := &signable{at: l.Path, model: l.Model}
	s.stored, err = storedListing(l)
	return s, err
}

// locateFiles is locateSignable of files that lie on a disk.
func locateFiles(cmd *cobra.Command, name string) (*signable, error) {
	m, err := locateSignable(cmd, name)
	if err == nil && m.model != nil && m.model.IsWithin() {
		err = fault.WithHint(fmt.Errorf("%s: %s: %w", cmd.Name(), m.model.Name.Short(), hub.ErrWithin), "blitz export "+m.model.Name.Short()+" DIR writes its files")
	}
	return m, err
}

// storedListing returns the files of a model of the store by their names, as the folder
// they would be.
func storedListing(l hub.Location) (*checkpoint.Listing, error) {
	folder := l.Path
	if l.Model.IsWithin() { // which lies in no folder
	} else if st, err := os.Stat(folder); err != nil {
		return nil, err
	} else if !st.IsDir() {
		folder = filepath.Dir(folder)
	}
	list := &checkpoint.Listing{Folder: folder, Follow: true}
	for _, f := range l.Model.Files {
		list.Names = append(list.Names, f.Name)
	}
	slices.Sort(list.Names)
	return list, nil
}

// digestMemory is the folder in which digests of files are remembered, "" where there is
// no store.
func digestMemory() string {
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return ""
	}
	return home
}

// list lists the files; signature is a file that is no part of the model.
func (s *signable) list(cmd *cobra.Command, ignored []string, signature string) (*checkpoint.Listing, error) {
	if s.stored == nil {
		return oms.List(cmd.Context(), s.at, ignored, signature)
	}
	if len(ignored) > 0 {
		return nil, fault.Misuse(fmt.Errorf("--ignore: %s is a model of the store, which has nothing else", s.model.Name.Short()))
	}
	return s.stored, nil
}
