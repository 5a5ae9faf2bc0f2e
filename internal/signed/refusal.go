package signed

import (
	"errors"
	"fmt"
)

// Reason says, in one word, why something was refused.
type Reason string

// The reasons.
const (
	Form        Reason = "form"        // cannot be read; a field is missing, unknown or out of bounds; not canonical
	Type        Reason = "type"        // another payload, statement, predicate, format or media type
	Algorithm   Reason = "algorithm"   // of a key or a digest
	Key         Reason = "key"         // not signed by a key that was given
	Signature   Reason = "signature"   // does not fit
	Certificate Reason = "certificate" // no path to an authority that was given
	Path        Reason = "path"        // a name that leads out of the model
	Link        Reason = "link"        // a symbolic link or a device
	Missing     Reason = "missing"     // a file that was signed is not there
	Extra       Reason = "extra"       // a file that was not signed is there
	Digest      Reason = "digest"      // a file, tile or leaf differs
	Root        Reason = "root"        // of a model or a tree
	Log         Reason = "log"         // a checkpoint's origin, key or text
	Inclusion   Reason = "inclusion"   // a leaf is not in the tree
	Consistency Reason = "consistency" // a tree does not go on from an older one
	Witness     Reason = "witness"     // too few cosignatures
	Opening     Reason = "opening"     // a commitment is not met
	Model       Reason = "model"       // another model
	Tokenizer   Reason = "tokenizer"   // another tokenizer
	Template    Reason = "template"    // another template
	Output      Reason = "output"      // another token comes
	Chain       Reason = "chain"       // other logits come
)

// Refusal is an error that says why something was refused, and what.
type Refusal struct {
	Reason Reason
	Detail string // what, where
	// First is the first token that differs, with Output; Block the first block of
	// logits, with Chain.
	First, Block *int
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Refuse returns a refusal.
func Refuse(reason Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// In says in which file something was refused. Other errors are returned as they are.
func In(name string, err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	in := *r
	in.Detail += ", in " + name
	return &in
}

// ReasonOf returns why an error refuses; "" where it does not.
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}
