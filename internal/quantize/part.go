package quantize

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// partSuffix is what the name of an unfinished file ends in.
const partSuffix = ".part"

// part is the new files while they are written: each under its name and partSuffix. Behind
// the last byte of the first one stands, until all is done, a record of who writes it and
// how far it is, so that the same command goes on and another one keeps off.
type part struct {
	plan  *Plan
	names []string // where the files go in the end
	files []*os.File
	next  record // the one to be written
}

// record says how far a part is: every row before this one is on the disk.
type record struct {
	Command  string `json:"command"` // for people
	Digest   string `json:"digest"`  // of everything that decides about the bytes
	Sequence uint64 `json:"sequence"`
	Tensor   int    `json:"tensor"`
	Row      int    `json:"row"`
}

// A record has a slot of this many bytes: a digest, a length, and JSON. Two are written in
// turn, so that one is whole whenever the power fails.
const slotBytes = 4096

// layoutVersion is part of the digest, and counts up when the same command comes to write
// other bytes.
const layoutVersion = 1

// openPart makes the files at names with partSuffix, or opens those that the same command
// left. The errors wrap ErrOption for a part of another command, ErrNoRoom, or are of the
// file system.
func (p *Plan) openPart(names []string) (*part, error) {
	a := &part{plan: p, names: names, next: record{Command: p.command(), Digest: p.digest()}}
	if err := a.open(); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *part) open() error {
	for _, name := range a.names {
		f, err := openFile(name + partSuffix)
		if err != nil {
			return err
		}
		a.files = append(a.files, f)
	}
	found, err := a.find()
	if err != nil {
		return err
	}
	if found != nil {
		a.next = *found
		return nil
	}
	if err := a.checkRoom(); err != nil {
		a.remove()
		return err
	}
	return a.begin()
}

// openFile opens a file for writing alone, and makes it where it is not there.
func openFile(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, fail(ErrOption, "%s: is no regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f); errors.Is(err, filelock.ErrLocked) {
		_ = f.Close()
		return nil, fail(ErrOption, "%s: another blitz writes it", path)
	}
	return f, nil // locked, or on a file system without locks
}

// find returns the record that the same command left, nil where the files are to be begun.
func (a *part) find() (*record, error) {
	first := a.files[0]
	st, err := first.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() == 0 {
		return nil, nil
	}
	var last *record
	for slot := range int64(2) {
		// Another command's record stands elsewhere: the size of a part tells where.
		if r := readRecord(first, st.Size()-(2-slot)*slotBytes); r != nil && (last == nil || r.Sequence > last.Sequence) {
			last = r
		}
	}
	begun := a.plan.files[0].Header
	switch {
	case last == nil && hasPrefix(first, begun):
		return nil, nil // ours, and stopped before it had a record or when it had none any more
	case last == nil:
		return nil, fail(ErrOption, "%s: is no part that quantize left: remove it, or choose another OUT", first.Name())
	case last.Digest != a.next.Digest:
		return nil, fail(ErrOption, "%s: is what another command left (%s): that one goes on with it; remove it to begin this one (%s)", first.Name(), last.Command, a.next.Command)
	}
	for i, f := range a.files {
		if st, err := f.Stat(); err != nil || st.Size() != a.size(i) {
			return nil, nil // one of the files is not what was left: all are begun again
		}
	}
	return last, nil
}

// size returns the bytes of file i while it is a part.
func (a *part) size(i int) int64 {
	n := a.plan.files[i].Size
	if i == 0 {
		n += 2 * slotBytes
	}
	return n
}

// hasPrefix says whether a file begins with b.
func hasPrefix(f *os.File, b []byte) bool {
	have := make([]byte, len(b))
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(b))), have)
	return err == nil && bytes.Equal(have, b)
}

// readRecord reads the slot at an offset; nil where there is no whole record.
func readRecord(f *os.File, at int64) *record {
	b := make([]byte, slotBytes)
	if at < 0 {
		return nil
	}
	if _, err := f.ReadAt(b, at); err != nil {
		return nil
	}
	n := binary.LittleEndian.Uint32(b[sha256.Size:])
	text := b[sha256.Size+4:]
	if int64(n) > int64(len(text)) || sha256.Sum256(text[:n]) != [sha256.Size]byte(b[:sha256.Size]) {
		return nil
	}
	var r record
	if json.Unmarshal(text[:n], &r) != nil {
		return nil
	}
	return &r
}

// save records how far the files are. What is before that has to be on the disk already.
func (a *part) save(tensor, row int) error {
	a.next.Sequence++
	a.next.Tensor, a.next.Row = tensor, row
	text, err := json.Marshal(a.next)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b := binary.LittleEndian.AppendUint32(sum[:], uint32(len(text)))
	b = append(b, text...)
	b = append(b, make([]byte, slotBytes-len(b))...)
	_, err = a.files[0].WriteAt(b, a.plan.files[0].Size+int64(a.next.Sequence%2)*slotBytes)
	return err
}

// checkRoom refuses what the disk has no room for. A disk that does not say how much it
// has gets the benefit of the doubt.
func (a *part) checkRoom() error {
	dir := filepath.Dir(a.names[0])
	free, err := machine.FreeDisk(dir)
	if err != nil || free >= a.plan.Bytes {
		return nil
	}
	return fail(ErrNoRoom, "%s: %d bytes are needed, the disk of %s has %d", a.names[0], a.plan.Bytes, dir, free)
}

// begin makes the files as long as they will be, and writes what stands before tensors.
func (a *part) begin() error {
	for i, f := range a.files {
		if err := f.Truncate(0); err != nil {
			return err
		}
		if err := f.Truncate(a.size(i)); err != nil {
			return err
		}
	}
	if err := a.save(0, 0); err != nil {
		return err
	}
	for i, f := range a.files {
		if _, err := f.WriteAt(a.plan.files[i].Header, 0); err != nil {
			return err
		}
	}
	return nil
}

// sync brings what was written to the disk.
func (a *part) sync() error {
	for _, f := range a.files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// place ends the files and gives them their names, the first one last: it is the one that
// is opened.
func (a *part) place() error {
	if err := a.files[0].Truncate(a.plan.files[0].Size); err != nil {
		return err
	}
	if err := a.sync(); err != nil {
		return err
	}
	for i := len(a.files) - 1; i >= 0; i-- {
		if err := a.files[i].Close(); err != nil {
			return err
		}
		if err := os.Rename(a.names[i]+partSuffix, a.names[i]); err != nil {
			return err
		}
	}
	a.files = nil
	return newfile.SyncFolder(filepath.Dir(a.names[0]))
}

// close leaves the files as they are.
func (a *part) close() {
	for _, f := range a.files {
		_ = f.Close() // the error that stopped it says more
	}
	a.files = nil
}

// remove takes the files away.
func (a *part) remove() {
	for _, f := range a.files {
		_ = os.Remove(f.Name())
	}
}

// command says for people what is written.
func (p *Plan) command() string {
	text := p.options.Mix.Label + " of " + p.source.Name()
	if p.options.Pure {
		text += ", pure"
	}
	if p.options.Importance != nil {
		text += ", with " + p.options.Importance.Name()
	}
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// digest names everything that decides about the bytes of the files. The types are in
// their headers.
func (p *Plan) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s\n", layoutVersion, p.source.Identity())
	if m := p.options.Importance; m != nil {
		fmt.Fprintf(h, "%s\n", describe(m.Name(), m.Stat()))
	}
	for _, f := range p.files {
		fmt.Fprintf(h, "%d\n", len(f.Header))
		h.Write(f.Header)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// describe writes what tells a file from what it was before.
func describe(path string, st fs.FileInfo) string {
	if st == nil { // of memory
		return path
	}
	return fmt.Sprintf("%s: %d bytes, changed at %d", path, st.Size(), st.ModTime().UnixNano())
}
