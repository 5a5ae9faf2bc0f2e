package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/oms"
	"github.com/blitz-r1/blitz/internal/signed"
)

// trust reads what a signature is checked with.
func (f *verifyFlags) trust() (t oms.Trust, err error) {
	switch {
	case len(f.keys) > 0 && len(f.authorities) > 0:
		return t, fault.Misuse(fmt.Errorf("verify: --key and --ca: what is trusted is one of them"))
	case len(f.keys)+len(f.authorities) == 0:
		return t, fault.Misuse(fmt.Errorf("verify: --key FILE or --ca FILE is missing: who has to have signed?"))
	case len(f.keys) > 1:
		return t, fault.Misuse(fmt.Errorf("verify: %d keys, a signature of a model is checked with one", len(f.keys)))
	}
	if f.at != "" {
		if t.At, err = time.Parse(time.RFC3339, f.at); err != nil {
			return t, fault.Misuse(fmt.Errorf("verify: --at %q, want a time such as 2026-11-28T09:00:00Z", f.at))
		}
	}
	if len(f.keys) == 1 {
		t.Key, err = readPublicKey(f.keys[0])
		return t, err
	}
	t.Authorities, err = readCertificates(f.authorities)
	return t, err
}

// verifiedModel is the JSON of verify --signature.
type verifiedModel struct {
	OK     bool     `json:"ok"`
	Root   string   `json:"root"`
	By     string   `json:"by"` // the id of the key, or whose certificate it is
	Files  int      `json:"files"`
	Passed []string `json:"passed,omitempty"` // with --subset: what is missing and no model reads
}

// model checks the signature of a model.
func (f *verifyFlags) model(cmd *cobra.Command, name string) error {
	trust, err := f.trust()
	if err != nil {
		return err
	}
	m, err := locateFiles(cmd, name)
	if err != nil {
		return err
	}
	text, err := readSigned(f.signature, oms.MaxBundle)
	if err != nil {
		return err
	}
	b, err := oms.Parse(text)
	if err != nil {
		return signed.In(f.signature, err)
	}
	st, by, err := b.Open(trust)
	if err != nil {
		return signed.In(f.signature, err)
	}
	c := oms.Comparison{Ignored: f.ignored, Signature: f.signature, AllowExtra: f.allowExtra, Stored: m.stored, Memory: digestMemory()}
	if f.subset {
		c.Unread = isUnread
	}
	found, err := st.Compare(cmd.Context(), m.at, c)
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), verifiedModel{true, st.Root, by, found.Files, found.Passed})
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: %s, as signed by %s, root %s\n", printable(name), counted(found.Files, "file"), printable(by), st.Root)
	for _, p := range found.Passed {
		fmt.Fprintf(out, "not here, and read by no model: %s\n", printable(p))
	}
	return nil
}

// isUnread says whether no model reads a file of that name, beside the files that are
// there: documents, and weights of another format.
func isUnread(name string, there []string) bool {
	has := func(ending string) bool {
		return slices.ContainsFunc(there, func(n string) bool { return strings.HasSuffix(strings.ToLower(n), ending) })
	}
	low := strings.ToLower(path.Base(name))
	switch {
	case strings.Contains(name, "/"):
		return true // models are read from one folder
	case strings.HasSuffix(low, ".gguf"):
		return has(".safetensors")
	case strings.HasSuffix(low, ".safetensors"), strings.HasSuffix(low, ".safetensors.index.json"):
		return has(".gguf")
	case strings.HasSuffix(low, ".json"), strings.HasSuffix(low, ".jinja"), strings.HasSuffix(low, ".model"), strings.HasSuffix(low, ".tiktoken"), low == "merges.txt", low == "vocab.txt":
		return false
	}
	return true
}
