package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

func newKeygen() *cobra.Command {
	kind := choice{from: []string{string(signed.Ed25519), string(signed.P256), string(signed.P384), string(signed.P521)}, v: string(signed.Ed25519)}
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key that signs models, receipts, logs or what a witness saw",
		Long: `Makes a key: FILE, which only you can read, and FILE.pub for everybody, in PEM
as OpenSSL writes them. No file is written over. Models are signed with p256,
p384 or p521, all else with ed25519. One key has one use: receipts, a log and a
witness each have one of their own.

With --name the key is also printed as a log's (vkey) and as a witness's.`,
		Example: `  blitz keygen vendor.pem --type p256
  blitz keygen log.pem --name example.org/log`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := makeKey(args[0], signed.Kind(kind.v), name)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), made)
			}
			return made.write(cmd)
		},
	}
	cmd.Flags().Var(&kind, "type", "`kind` of key: ed25519, p256, p384 or p521")
	cmd.Flags().StringVar(&name, "name", "", "of the log or witness that an ed25519 key is for")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the key's names as JSON")
	return cmd
}

// madeKey is the JSON of keygen.
type madeKey struct {
	File        string `json:"file"`
	Public      string `json:"public"`
	KeyID       string `json:"keyid"`
	Hint        string `json:"hint"`
	VKey        string `json:"vkey,omitempty"`
	WitnessVKey string `json:"witness_vkey,omitempty"`
}

// makeKey makes a key and its files.
func makeKey(path string, kind signed.Kind, name string) (*madeKey, error) {
	key, err := signed.Generate(kind)
	if err != nil {
		return nil, err
	}
	m := &madeKey{File: path, Public: path + ".pub", KeyID: key.Public().ID(), Hint: key.Public().Hint()}
	if name != "" && kind == signed.Ed25519 {
		log, err := transparency.NewSigner(name, transparency.LogKey, key)
		if err != nil {
			return nil, fault.Misuse(fmt.Errorf("keygen --name: %w", err))
		}
		witness, err := transparency.NewSigner(name, transparency.WitnessKey, key)
		if err != nil {
			return nil, err
		}
		m.VKey, m.WitnessVKey = log.String(), witness.String()
	}
	private, err := key.PEM()
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(m.Public); err == nil {
		return nil, keyThere(m.Public)
	}
	if err := writeKey(path, private, 0o600); err != nil {
		return nil, err
	}
	if err := writeKey(m.Public, key.Public().PEM(), 0o644); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return m, nil
}

func keyThere(path string) error {
	return fault.WithHint(fault.Refusal(fmt.Errorf("keygen: %s is there already: %w", path, fs.ErrExist)), "a key is never written over: choose another name")
}

// writeKey writes a file that must not be there.
func writeKey(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return keyThere(path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

func (m *madeKey) write(cmd *cobra.Command) error {
	rows := [][]string{{"private key", m.File}, {"public key", m.Public}, {"key id", m.KeyID}, {"hint", m.Hint}}
	if m.VKey != "" {
		rows = append(rows, []string{"as a log's", m.VKey}, []string{"as a witness's", m.WitnessVKey})
	}
	return writeTable(cmd.OutOrStdout(), rows...)
}
