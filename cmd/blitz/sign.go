package main

import (
	"crypto/x509"
	"fmt"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/oms"
	"github.com/blitz-r1/blitz/internal/signed"
)

// signFlags are the flags of sign.
type signFlags struct {
	key, cert, out string
	chain, ignored []string
	asJSON         bool
}

func newSign() *cobra.Command {
	f := &signFlags{}
	cmd := &cobra.Command{
		Use:   "sign MODEL --key KEY",
		Short: "Sign a model: all of its files, so that a changed one is found",
		Long: `Signs a model as OpenSSF Model Signing 1.0 defines it: a Sigstore bundle, which
model_signing and cosign's tools read as well. The key is p256, p384 or p521
(blitz keygen); with --cert and --chain its certificates go with the signature.

The signature is written beside the model, as MODEL.sig, or where --out says. A
symbolic link anywhere in a folder is refused, and so is an empty folder.`,
		Example: `  blitz sign ./DeepSeek-R1-Distill-Qwen-1.5B --key vendor.pem
  blitz sign model.gguf --key vendor.pem --cert vendor.crt --chain ca.crt`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sayRefused(cmd, f.asJSON, f.run(cmd, args[0]))
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "private key `FILE`")
	cmd.Flags().StringVar(&f.cert, "cert", "", "`FILE` with the key's certificate")
	cmd.Flags().StringArrayVar(&f.chain, "chain", nil, "`FILE` with certificates above it, from the lowest up; may be given several times")
	addIgnore(cmd, &f.ignored)
	cmd.Flags().StringVar(&f.out, "out", "", "signature `FILE` (default MODEL.sig)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the root, the number of files and where the signature is as JSON")
	return cmd
}

// signer reads the key and the certificates.
func (f *signFlags) signer() (*oms.Signer, error) {
	switch {
	case f.key == "":
		return nil, fault.Misuse(fmt.Errorf("sign: --key KEY is missing"))
	case f.cert == "" && len(f.chain) > 0:
		return nil, fault.Misuse(fmt.Errorf("sign: --chain needs --cert, the certificate of the key"))
	}
	key, err := readPrivateKey(f.key)
	if err != nil {
		return nil, err
	}
	s := &oms.Signer{Key: key}
	if f.cert != "" {
		if s.Certificates, err = readCertificates(append([]string{f.cert}, f.chain...)); err != nil {
			return nil, err
		}
	}
	return s, signed.In(f.key, s.Check())
}

// readCertificates reads the certificates of several files, in order.
func readCertificates(paths []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, p := range paths {
		text, err := readSigned(p, maxKeyFile)
		if err != nil {
			return nil, err
		}
		certificates, err := oms.ParseCertificates(text)
		if err != nil {
			return nil, signed.In(p, err)
		}
		all = append(all, certificates...)
	}
	return all, nil
}

func (f *signFlags) run(cmd *cobra.Command, name string) error {
	signer, err := f.signer()
	if err != nil {
		return err
	}
	m, err := locateFiles(cmd, name)
	if err != nil {
		return err
	}
	out := f.out
	if out == "" {
		out = defaultSignature(name, m)
	}
	l, err := m.list(cmd, f.ignored, out)
	if err != nil {
		return err
	}
	files, err := oms.Digest(cmd.Context(), l, digestMemory())
	if err != nil {
		return err
	}
	at, err := filepath.Abs(m.at)
	if err != nil {
		return err
	}
	st := oms.NewStatement(filepath.Base(at), files, f.ignored)
	text, err := signer.Sign(st)
	if err != nil {
		return err
	}
	if err := writeNew(out, append(text, '\n')); err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), struct {
			Root      string `json:"root"`
			Files     int    `json:"files"`
			Signature string `json:"signature"`
		}{st.Root, len(files), out})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s signed, root %s\n", printable(out), counted(len(files), "file"), st.Root)
	return err
}

// defaultSignature returns where the signature of a MODEL goes: beside it; of a stored
// one, into the working folder.
func defaultSignature(name string, m *signable) string {
	if m.model != nil {
		return path.Base(m.model.Name.Path) + ".sig"
	}
	return filepath.Clean(m.at) + ".sig"
}
