package transparency

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
)

// MaxNote is how long a note may be, in bytes.
const MaxNote = 1 << 20

// EmptyRoot is the root of a tree without leaves.
var EmptyRoot = tlog.Hash(sha256.Sum256(nil))

// Checkpoint is what a log says of itself at a time.
type Checkpoint struct {
	Origin string
	Size   int64 // leaves
	Root   tlog.Hash
}

// Text returns what is signed of a checkpoint.
func (c *Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// Sign returns the note of a checkpoint.
func (c *Checkpoint) Sign(s *Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, s)
}

// ParseCheckpoint reads what was signed: origin, size, root, and lines of others' that are
// passed over.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return nil, signed.Refuse(signed.Log, "a checkpoint of %d lines, want origin, size and root", len(lines)-1)
	}
	if err := CheckName(lines[0]); err != nil {
		return nil, signed.Refuse(signed.Log, "a checkpoint's origin: %v", err)
	}
	size, ok := ParseSize(lines[1])
	if !ok {
		return nil, signed.Refuse(signed.Log, "a checkpoint's size %.40q, want a decimal below 2^63", lines[1])
	}
	root, ok := ParseHash(lines[2])
	if !ok {
		return nil, signed.Refuse(signed.Log, "a checkpoint's root %.80q, want 32 bytes in base64", lines[2])
	}
	return &Checkpoint{lines[0], size, root}, nil
}

// ParseSize reads a decimal below 2^63 in its one form.
func ParseSize(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// ParseHash reads a hash in base64.
func ParseHash(s string) (h tlog.Hash, ok bool) {
	b, ok := signed.DecodeBase64(s)
	if !ok || len(b) != len(h) {
		return h, false
	}
	return tlog.Hash(b), true
}

// Witnessed is a checkpoint that was checked.
type Witnessed struct {
	Checkpoint
	Witnesses int // different ones that cosigned it
}

// Trust is what notes are checked with.
type Trust struct {
	Origin    string // "": that of the key that signed
	Logs      []*Verifier
	Witnesses []*Verifier
	Quorum    int // witnesses that have to have cosigned
}

// Open checks the note of a checkpoint: signed by a key of the log, all known signatures
// whole, Quorum different witnesses. The error is a Refusal with Log or Witness.
func (t *Trust) Open(text []byte) (*Witnessed, error) {
	if len(text) > MaxNote {
		return nil, signed.Refuse(signed.Log, "a note of %d bytes, want at most %d", len(text), MaxNote)
	}
	n, err := note.Open(text, verifiers(append(append([]*Verifier{}, t.Logs...), t.Witnesses...)))
	if err != nil {
		return nil, refuseNote(err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	w := &Witnessed{Checkpoint: *c}
	bySelf := false
	for _, s := range n.Sigs {
		for _, v := range t.Logs {
			bySelf = bySelf || v.name == s.Name && v.KeyHash() == s.Hash && v.name == c.Origin
		}
	}
	keys := map[string]bool{}
	for _, s := range n.Sigs {
		for _, v := range t.Witnesses {
			if v.name == s.Name && v.KeyHash() == s.Hash {
				keys[string(v.key)] = true
			}
		}
	}
	w.Witnesses = len(keys)
	switch {
	case !bySelf:
		return nil, signed.Refuse(signed.Log, "the checkpoint of %s is not signed by the log's key", c.Origin)
	case t.Origin != "" && t.Origin != c.Origin:
		return nil, signed.Refuse(signed.Log, "a checkpoint of %s, want %s", c.Origin, t.Origin)
	case w.Witnesses < t.Quorum:
		return nil, signed.Refuse(signed.Witness, "%d of the witnesses cosigned the checkpoint, want %d", w.Witnesses, t.Quorum)
	}
	return w, nil
}

// refuseNote says what is wrong with a note.
func refuseNote(err error) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return signed.Refuse(signed.Log, "the checkpoint is not signed by a key that was given")
	case errors.As(err, &invalid):
		return signed.Refuse(signed.Log, "the signature of %s on the checkpoint does not fit", invalid.Name)
	}
	return signed.Refuse(signed.Log, "the checkpoint: %v", err)
}

// verifiers are the keys that a note may be signed with.
type verifiers []*Verifier

func (list verifiers) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, v := range list {
		if v.name == name && v.KeyHash() == hash {
			return v, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// proofHead is the first line of a proof.
const proofHead = "c2sp.org/tlog-proof@v1\n"

// maxProof is how many hashes a proof may have.
const maxProof = 63

// Proof says that a leaf stands in a tree, with the checkpoint of that (C2SP tlog-proof).
type Proof struct {
	Extra      []byte // what the log adds, of no meaning here; nil: nothing
	Index      int64
	Hashes     []tlog.Hash
	Checkpoint []byte // a note
}

// Text returns the proof as a text.
func (p *Proof) Text() string {
	var b strings.Builder
	b.WriteString(proofHead)
	if p.Extra != nil {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.String()
}

// ParseProof reads a proof. The error is a Refusal with Log.
func ParseProof(text string) (*Proof, error) {
	if len(text) > MaxNote {
		return nil, signed.Refuse(signed.Log, "a proof of %d bytes, want at most %d", len(text), MaxNote)
	}
	rest, ok := strings.CutPrefix(text, proofHead)
	if !ok {
		return nil, signed.Refuse(signed.Log, "a proof that does not begin with %q", strings.TrimSpace(proofHead))
	}
	head, checkpoint, ok := strings.Cut(rest, "\n\n")
	p := &Proof{Checkpoint: []byte(checkpoint)}
	lines := strings.Split(head, "\n")
	if extra, has := strings.CutPrefix(lines[0], "extra "); has {
		b, good := signed.DecodeBase64(extra)
		if p.Extra, lines = b, lines[1:]; !good || len(lines) == 0 {
			return nil, signed.Refuse(signed.Log, "a proof's extra line is not base64, or the last")
		}
	}
	if !ok || len(lines) > 1+maxProof {
		return nil, signed.Refuse(signed.Log, "a proof of %d lines, want an index, at most %d hashes, an empty line and a checkpoint", len(lines), maxProof)
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	if p.Index, _ = ParseSize(index); !ok || strconv.FormatInt(p.Index, 10) != index {
		return nil, signed.Refuse(signed.Log, "a proof's line %.40q, want index and a decimal", lines[0])
	}
	for _, line := range lines[1:] {
		h, ok := ParseHash(line)
		if !ok {
			return nil, signed.Refuse(signed.Log, "a proof's line %.80q, want 32 bytes in base64", line)
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

// Check checks that a leaf stands where the proof says. The error is a Refusal with Log,
// Witness or Inclusion.
func (p *Proof) Check(t *Trust, leaf []byte) (*Witnessed, error) {
	w, err := t.Open(p.Checkpoint)
	if err != nil {
		return nil, err
	}
	return w, CheckInclusion(tlog.RecordHash(leaf), p.Index, w.Size, w.Root, p.Hashes)
}

// CheckInclusion checks that a leaf's hash stands at an index of a tree.
func CheckInclusion(leaf tlog.Hash, index, size int64, root tlog.Hash, proof []tlog.Hash) error {
	if index < 0 || index >= size || len(proof) > maxProof || tlog.CheckRecord(proof, size, root, index, leaf) != nil {
		return signed.Refuse(signed.Inclusion, "leaf %d is not in the tree of %d leaves with the root %s", index, size, root)
	}
	return nil
}

// CheckConsistency checks that a tree goes on from an older one.
func CheckConsistency(from int64, old tlog.Hash, size int64, root tlog.Hash, proof []tlog.Hash) error {
	switch {
	case from < 0 || from > size || len(proof) > maxProof:
	case from == size || from == 0:
		if len(proof) == 0 && (from == 0 && old == EmptyRoot || from == size && old == root) && (size > 0 || root == EmptyRoot) {
			return nil
		}
	case tlog.CheckTree(proof, size, root, from, old) == nil:
		return nil
	}
	return signed.Refuse(signed.Consistency, "the tree of %d leaves with the root %s does not go on from that of %d with the root %s", size, root, from, old)
}

// EncodeHashes returns hashes in base64.
func EncodeHashes(hashes []tlog.Hash) []string {
	all := make([]string, len(hashes))
	for i, h := range hashes {
		all[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return all
}
