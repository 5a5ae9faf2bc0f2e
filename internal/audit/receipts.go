package audit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// Receipts are encrypted, each with a key of its own: whose key is gone is erased, and no
// leaf, tile or proof changes by it.

const (
	receiptsName = "receipts"
	keysName     = "keys"
	erasedEnding = ".erased"
	keySize      = 32
)

func privatePath(dir, kind string, index int64) string {
	return filepath.Join(dir, privateName, kind, strconv.FormatInt(index, 10))
}

// sealer returns the cipher of a key.
func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// AppendReceipt writes a receipt down, and returns the proof that it stands in the log once
// it is durable, as text.
func (w *Writer) AppendReceipt(r *receipt.Receipt) (index int64, proof string, err error) {
	return w.appendLeaf(r, func(index int64) error { return w.keep(index, r.Text()) })
}

// appendLeaf appends the leaf of a receipt, and returns the proof.
func (w *Writer) appendLeaf(r *receipt.Receipt, keep func(index int64) error) (index int64, proof string, err error) {
	if index, err = w.append(r.Leaf(), keep); err != nil {
		return 0, "", err
	}
	reader, err := at(w.dir, w.Checkpoint())
	if err != nil {
		return 0, "", err
	}
	p, err := reader.Prove(index)
	if err != nil {
		return 0, "", err
	}
	return index, p.Text(), nil
}

// Append is part of attest.Log.
func (l Receipts) Append(_ context.Context, r *receipt.Receipt) (string, error) {
	_, proof, err := l.AppendReceipt(r)
	return proof, err
}

// Receipts is a log as who signs receipts needs it.
type Receipts struct{ *Writer }

// Append is part of attest.Log.
func (l Leaves) Append(_ context.Context, r *receipt.Receipt) (string, error) {
	_, proof, err := l.appendLeaf(r, nil)
	return proof, err
}

// Leaves is a log for receipts that nobody keeps: it has their leaves alone.
type Leaves struct{ *Writer }

// keep writes a receipt that will have an index, encrypted, and its key.
func (w *Writer) keep(index int64, text []byte) error {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // which never fails
	aead, err := sealer(key)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, text, strconv.AppendInt(nil, index, 10))
	for kind, data := range map[string][]byte{receiptsName: sealed, keysName: key} {
		path := privatePath(w.dir, kind, index)
		folder := filepath.Dir(path)
		if err := makeFolder(filepath.Join(w.dir, privateName), folder, 0o700); err != nil {
			return err
		}
		if err := writeSynced(path, data, 0o600); err != nil {
			return err
		}
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// Receipt returns the receipt of a leaf; nil where the leaf is none, or is erased.
func (r *Reader) Receipt(index int64) (one *receipt.Receipt, erased bool, err error) {
	if _, err := os.Lstat(privatePath(r.dir, keysName, index) + erasedEnding); err == nil {
		return nil, true, nil
	}
	key, err := readFile(privatePath(r.dir, keysName, index), keySize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	path := privatePath(r.dir, receiptsName, index)
	sealed, err := readFile(path, receipt.MaxSize+64)
	if err != nil {
		return nil, false, err
	}
	aead, err := sealer(key)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil, false, signed.Refuse(signed.Form, "%s is cut", path)
	}
	n := aead.NonceSize()
	text, err := aead.Open(nil, sealed[:n], sealed[n:], strconv.AppendInt(nil, index, 10))
	if err != nil {
		return nil, false, signed.Refuse(signed.Digest, "%s does not open with its key", path)
	}
	one, err = receipt.Parse(text)
	return one, false, signed.In(path, err)
}

// Erase erases the receipt of a leaf: its key and itself are written over and deleted. The
// leaf, all tiles and all proofs stay as they are. The error wraps ErrNoLeaf where there is
// nothing to erase.
func Erase(dir string, index int64, now time.Time) error {
	if _, err := ReadCheckpoint(dir); err != nil {
		return err
	}
	key := privatePath(dir, keysName, index)
	if _, err := os.Lstat(key); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: receipt %d: %w", dir, index, ErrNoLeaf)
	}
	if err := writeSynced(key+erasedEnding, []byte(now.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return err
	}
	return errors.Join(overwrite(key), overwrite(privatePath(dir, receiptsName, index)), syncFolder(filepath.Dir(key)))
}

// overwrite writes zeros over a file, and deletes it.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, st.Size()))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Retain erases the receipts that were written before a time, and returns how many.
func Retain(dir string, before, now time.Time) (erased int, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, privateName, keysName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		index, parseErr := strconv.ParseInt(e.Name(), 10, 64)
		if parseErr != nil || strings.HasSuffix(e.Name(), erasedEnding) {
			continue
		}
		st, err := e.Info()
		if err != nil || !st.ModTime().Before(before) {
			continue // it is gone meanwhile, or young
		}
		if err := Erase(dir, index, now); err != nil {
			return erased, err
		}
		erased++
	}
	return erased, nil
}
