package main

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/oms"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/signed"
)

// trusted is who this user takes models from: keys and authorities of the folder trust
// beside the settings file.
type trusted struct {
	folder      string
	keys        []*signed.PublicKey
	authorities []*x509.Certificate
	require     bool // others are refused
	note        func(format string, args ...any)
}

// readTrusted returns who says who signed what is stored; nil where nobody is trusted and
// nothing is required.
func readTrusted(cmd *cobra.Command, getenv func(string) string) (hub.Voucher, error) {
	dir, err := settings.Folder(getenv)
	if err != nil {
		return nil, nil // no home, no keys
	}
	file, err := settings.Open(getenv)
	if err != nil {
		return nil, err
	}
	t := &trusted{folder: filepath.Join(dir, "trust"), note: func(format string, args ...any) {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: "+format+"\n", args...)
	}}
	if v, there := file.Table(settings.TrustTable)[settings.RequireKey]; there {
		var ok bool
		if t.require, ok = v.(bool); !ok {
			return nil, fault.Misuse(fmt.Errorf("%s: %s.%s: want true or false", file.Path(), settings.TrustTable, settings.RequireKey))
		}
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	if !t.require && len(t.keys)+len(t.authorities) == 0 {
		return nil, nil
	}
	return t, nil
}

// read reads keys and authorities.
func (t *trusted) read() error {
	entries, err := os.ReadDir(t.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(t.folder, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".pub":
			key, err := readPublicKey(path)
			if err != nil {
				return err
			}
			t.keys = append(t.keys, key)
		case ".crt":
			more, err := readCertificates([]string{path})
			if err != nil {
				return err
			}
			t.authorities = append(t.authorities, more...)
		}
	}
	return nil
}

// Admits is part of hub.Voucher.
func (t *trusted) Admits(isSigned bool) error {
	if isSigned || !t.require {
		return nil
	}
	return signed.Refuse(signed.Key, "the model has no signature (model.sig or NAME.sig), and %s.%s wants one", settings.TrustTable, settings.RequireKey)
}

// Vouch is part of hub.Voucher.
func (t *trusted) Vouch(files []hub.File, signature []byte) (*hub.Vouched, error) {
	st, by, err := t.open(signature)
	if err != nil {
		if t.require || signed.ReasonOf(err) == signed.Signature {
			return nil, err
		}
		t.note("the model's signature is by nobody who is trusted (%s): %v", t.folder, err)
		return nil, nil
	}
	resources := make([]checkpoint.Resource, len(files))
	for i, f := range files {
		resources[i] = checkpoint.Resource{Name: f.Name, Digest: checkpoint.Digest(f.Digest)}
	}
	if _, err := st.CompareDigests(resources, isUnread); err != nil {
		return nil, err
	}
	return &hub.Vouched{By: strings.ToValidUTF8(by, "?"), At: time.Now().UTC().Truncate(time.Second), Root: st.Root, Signature: hub.Digest(sha256.Sum256(signature))}, nil
}

// open returns the statement of a signature by somebody who is trusted.
func (t *trusted) open(signature []byte) (st *oms.Statement, by string, err error) {
	b, err := oms.Parse(signature)
	if err != nil {
		return nil, "", err
	}
	err = signed.Refuse(signed.Key, "%s has no key of it", t.folder)
	for _, key := range t.keys {
		st, by, failed := b.Open(oms.Trust{Key: key})
		if failed == nil {
			return st, by, nil
		}
		if signed.ReasonOf(failed) != signed.Key { // it says that it is by this one
			err = failed
		}
	}
	if len(t.authorities) > 0 {
		st, by, failed := b.Open(oms.Trust{Authorities: t.authorities})
		if failed == nil {
			return st, by, nil
		}
		if len(t.keys) == 0 || signed.ReasonOf(failed) != signed.Certificate {
			err = failed
		}
	}
	return nil, "", err
}
