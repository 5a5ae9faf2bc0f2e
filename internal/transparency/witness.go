package transparency

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Seen is the newest checkpoint of a log that a witness cosigned.
type Seen struct {
	Size int64
	Root tlog.Hash
}

// Statuses of what a witness answers (C2SP tlog-witness).
const (
	StatusCosigned      = 200
	StatusMalformed     = 400
	StatusUntrusted     = 403 // not signed by the log's key
	StatusUnknownLog    = 404
	StatusOtherSize     = 409 // the body is the size that the witness has
	StatusUnprovable    = 422 // the tree does not go on from what the witness has
	ContentTypeTreeSize = "text/x.tlog.size"
)

// Reply is what a witness answers to a checkpoint.
type Reply struct {
	Status int
	Body   string // the cosignature's line, the size, or what is wrong
	Origin string // of the log, with StatusCosigned
	Seen   Seen   // what the witness has of it from then on
}

// MaxAddCheckpoint is how large a request to a witness may be, in bytes.
const MaxAddCheckpoint = 64 << 10

// AddCheckpoint decides on a request: an old size, a proof, and a checkpoint. Look and
// write are the caller's: it holds a lock from when it asks seen until the reply's Seen is
// on the disk.
func AddCheckpoint(s *Signer, request string, logs map[string][]*Verifier, seen func(origin string) (Seen, bool), at time.Time) Reply {
	old, proof, checkpoint, ok := parseAdd(request)
	if !ok {
		return Reply{Status: StatusMalformed, Body: "malformed request\n"}
	}
	text, _, ok := strings.Cut(checkpoint, "\n\n")
	if !ok {
		return Reply{Status: StatusMalformed, Body: "malformed checkpoint\n"}
	}
	origin, _, _ := strings.Cut(text, "\n")
	keys, known := logs[origin]
	if !known {
		return Reply{Status: StatusUnknownLog, Body: "unknown log\n"}
	}
	trust := Trust{Origin: origin, Logs: keys}
	w, err := trust.Open([]byte(checkpoint))
	if err != nil {
		if _, malformed := ParseCheckpoint(text + "\n"); malformed != nil || !wellFormed(checkpoint) {
			return Reply{Status: StatusMalformed, Body: "malformed checkpoint\n"}
		}
		return Reply{Status: StatusUntrusted, Body: "not signed by the log\n"}
	}
	if old > w.Size {
		return Reply{Status: StatusMalformed, Body: "the old size is larger than the checkpoint's\n"}
	}
	have, _ := seen(origin)
	if have.Size == 0 {
		have.Root = EmptyRoot
	}
	if old != have.Size {
		return Reply{Status: StatusOtherSize, Body: formatSize(have.Size) + "\n"}
	}
	if err := CheckConsistency(old, have.Root, w.Size, w.Root, proof); err != nil {
		return Reply{Status: StatusUnprovable, Body: err.Error() + "\n"}
	}
	return Reply{Status: StatusCosigned, Body: s.Cosign([]byte(text+"\n"), at), Origin: origin, Seen: Seen{w.Size, w.Root}}
}

func formatSize(n int64) string { return strconv.FormatInt(n, 10) }

// wellFormed says whether a text is a note at all, whoever signed it.
func wellFormed(text string) bool {
	_, err := note.Open([]byte(text), verifiers(nil))
	_, unverified := err.(*note.UnverifiedNoteError)
	return unverified
}

// parseAdd reads a request.
func parseAdd(request string) (old int64, proof []tlog.Hash, checkpoint string, ok bool) {
	head, checkpoint, found := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	old, isSize := ParseSize(size)
	if len(request) > MaxAddCheckpoint || !found || !isOld || !isSize || len(lines) > 1+maxProof {
		return 0, nil, "", false
	}
	for _, line := range lines[1:] {
		h, ok := ParseHash(line)
		if !ok {
			return 0, nil, "", false
		}
		proof = append(proof, h)
	}
	return old, proof, checkpoint, true
}

// FormatAdd writes a request to a witness.
func FormatAdd(old int64, proof []tlog.Hash, checkpoint []byte) string {
	var b strings.Builder
	b.WriteString("old " + formatSize(old) + "\n")
	for _, h := range proof {
		b.WriteString(h.String() + "\n")
	}
	return b.String() + "\n" + string(checkpoint)
}
