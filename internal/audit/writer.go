package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// ErrExists is a folder that holds a log already.
var ErrExists = errors.New("a log is there already")

// ErrClosed is a log that was closed.
var ErrClosed = errors.New("the log is closed")

// ErrLeaf is a leaf that is too long.
var ErrLeaf = fmt.Errorf("a leaf of more than %d bytes", maxLeaf)

// Init makes a log in a folder, signed with a key: its name, the origin, has no spaces and
// no +. The error wraps ErrExists.
func Init(dir, origin string, key *signed.PrivateKey) (*transparency.Signer, error) {
	s, err := transparency.NewSigner(origin, transparency.LogKey, key)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, CheckpointName)); err == nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrExists)
	}
	private := filepath.Join(dir, privateName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(private, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	text, err := key.PEM()
	if err != nil {
		return nil, err
	}
	if err := writeSynced(filepath.Join(private, keyName), text, 0o600); err != nil {
		return nil, err
	}
	note, err := (&transparency.Checkpoint{Origin: origin, Root: transparency.EmptyRoot}).Sign(s)
	if err != nil {
		return nil, err
	}
	if err := writeSynced(filepath.Join(dir, CheckpointName), note, 0o644); err != nil {
		return nil, err
	}
	return s, errors.Join(syncFolder(private), syncFolder(dir))
}

// Writer appends to a log. Any goroutine may use it; what several append at once becomes
// durable together.
type Writer struct {
	dir    string
	signer *transparency.Signer
	lock   *os.File

	queue chan *Pending
	done  chan struct{}
	ended chan struct{}

	closing sync.RWMutex // held by who puts into the queue
	closed  bool

	// The writing goroutine's own.
	tree  *grown
	last  [][]byte // leaves of the last tile, which is not full
	fault error    // that the disk gave: nothing is appended any more

	mu   sync.Mutex
	note []byte // the checkpoint, cosigned where a witness did
}

// Pending is a leaf that waits to be durable.
type Pending struct {
	leaf  []byte
	keep  func(index int64) error // writes what belongs to the leaf, before it counts; nil: nothing
	index int64
	err   error
	there chan struct{}

	cosigned []byte // in place of a leaf: the checkpoint of witnesses
}

// Open opens a log to append to it. Another process that has it open is waited for until
// ctx is done. What a killed writer left behind the checkpoint is written over. The error
// wraps ErrNoLog, or is a Refusal where the folder is not what its checkpoint says.
func Open(ctx context.Context, dir string) (*Writer, error) {
	if _, err := ReadCheckpoint(dir); err != nil {
		return nil, err
	}
	key, err := readKey(dir)
	if err != nil {
		return nil, err
	}
	lock, err := acquire(ctx, filepath.Join(dir, privateName, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	w := &Writer{dir: dir, lock: lock, queue: make(chan *Pending, maxGroup), done: make(chan struct{}), ended: make(chan struct{})}
	note, err := ReadCheckpoint(dir) // as it is now that nobody else writes
	if err == nil {
		err = w.load(note, key)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go w.run()
	return w, nil
}

// readKey reads the key of a log.
func readKey(dir string) (*signed.PrivateKey, error) {
	path := filepath.Join(dir, privateName, keyName)
	text, err := readFile(path, 1<<16)
	if err != nil {
		return nil, err
	}
	key, err := signed.ParsePrivateKey(text)
	return key, signed.In(path, err)
}

// load reads where the log stands, and checks the folder's right edge against it.
func (w *Writer) load(note []byte, key *signed.PrivateKey) error {
	c, err := unverified(note)
	if err != nil {
		return signed.In(filepath.Join(w.dir, CheckpointName), err)
	}
	if w.signer, err = transparency.NewSigner(c.Origin, transparency.LogKey, key); err != nil {
		return err
	}
	trust := transparency.Trust{Origin: c.Origin, Logs: []*transparency.Verifier{w.signer.Verifier}}
	if _, err := trust.Open(note); err != nil {
		return signed.In(filepath.Join(w.dir, CheckpointName), err)
	}
	w.tree = openGrown(w.dir, c.Size)
	root, err := rootOf(c.Size, w.tree)
	if err != nil {
		return err
	}
	if root != c.Root {
		return signed.Refuse(signed.Root, "%s: its tiles have the root %s, the checkpoint says %s", w.dir, root, c.Root)
	}
	if width := int(c.Size % transparency.TileWidth); width > 0 {
		tile := transparency.Tile{Index: c.Size / transparency.TileWidth, Width: width}
		if w.last, err = readEntries(w.dir, tile); err != nil {
			return err
		}
		for i, leaf := range w.last {
			h, err := w.tree.ReadHashes([]int64{tlog.StoredHashIndex(0, tile.Index*transparency.TileWidth+int64(i))})
			if err != nil {
				return err
			}
			if h[0] != tlog.RecordHash(leaf) {
				return signed.Refuse(signed.Digest, "%s: leaf %d is not the one of the tile of hashes", tile.EntriesPath(), i)
			}
		}
	}
	w.note = note
	return nil
}

// unverified reads a checkpoint whose signature was not checked.
func unverified(note []byte) (*transparency.Checkpoint, error) {
	text := string(note)
	for i := range len(text) - 1 {
		if text[i] == '\n' && text[i+1] == '\n' {
			return transparency.ParseCheckpoint(text[:i+1])
		}
	}
	return nil, signed.Refuse(signed.Log, "no checkpoint")
}

// Dir returns the log's folder.
func (w *Writer) Dir() string { return w.dir }

// Origin returns the log's name.
func (w *Writer) Origin() string { return w.signer.Name() }

// Verifier returns the log's key.
func (w *Writer) Verifier() *transparency.Verifier { return w.signer.Verifier }

// Checkpoint returns the note of the newest checkpoint.
func (w *Writer) Checkpoint() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note
}

// maxGroup is how many leaves become durable together at most.
const maxGroup = 1024

// Append appends a leaf and returns its index once it is durable. The error wraps ErrLeaf or ErrClosed, or is that of the file
// system, after which nothing is appended any more.
func (w *Writer) Append(leaf []byte) (index int64, err error) { return w.append(leaf, nil) }

func (w *Writer) append(leaf []byte, keep func(index int64) error) (int64, error) {
	return w.begin(leaf, keep).Wait()
}

// Begin has a leaf appended, and does not wait for it. What one goroutine begins stands in
// that order.
func (w *Writer) Begin(leaf []byte) *Pending { return w.begin(leaf, nil) }

func (w *Writer) begin(leaf []byte, keep func(index int64) error) *Pending {
	p := &Pending{leaf: leaf, keep: keep, there: make(chan struct{})}
	if len(leaf) > maxLeaf {
		p.err = ErrLeaf
		close(p.there)
		return p
	}
	w.put(p)
	return p
}

// put gives the writing goroutine something to do.
func (w *Writer) put(p *Pending) {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if w.closed {
		p.err = ErrClosed
		close(p.there)
		return
	}
	w.queue <- p // it is read until the log is closed
}

// Wait returns the index of the leaf once it is durable, or why it is not appended.
func (p *Pending) Wait() (int64, error) {
	<-p.there
	return p.index, p.err
}

// Close ends the log once what waits is durable. It may be called twice.
func (w *Writer) Close() {
	w.closing.Lock()
	if !w.closed {
		w.closed = true
		close(w.done)
	}
	w.closing.Unlock()
	<-w.ended
}

// run appends what comes, in groups.
func (w *Writer) run() {
	defer func() {
		_ = w.lock.Close() // nothing was written to it
		close(w.ended)
	}()
	for {
		var group []*Pending
		select {
		case p := <-w.queue:
			group = append(group, p)
		case <-w.done:
			select { // what came before the end is written
			case p := <-w.queue:
				group = append(group, p)
			default:
				return
			}
		}
	more:
		for len(group) < maxGroup {
			select {
			case p := <-w.queue:
				group = append(group, p)
			default:
				break more
			}
		}
		err := w.write(group)
		for _, p := range group {
			if p.err == nil {
				p.err = err
			}
			close(p.there)
		}
	}
}

// write makes a group of leaves durable: first what belongs to them, then tiles, then the
// checkpoint.
func (w *Writer) write(group []*Pending) error {
	if w.fault != nil {
		return w.fault
	}
	next := w.tree.size
	last := append([][]byte{}, w.last...)
	grown := w.tree.begin()
	entries := map[transparency.Tile][][]byte{}
	for _, p := range group {
		if p.cosigned != nil {
			p.err = w.keepCosigned(p.cosigned)
			continue
		}
		p.index = next
		if p.keep != nil {
			if p.err = p.keep(next); p.err != nil {
				continue
			}
		}
		if err := grown.add(p.leaf); err != nil {
			return w.fail(err)
		}
		last = append(last, p.leaf)
		if next++; next%transparency.TileWidth == 0 {
			entries[transparency.Tile{Index: next/transparency.TileWidth - 1, Width: transparency.TileWidth}] = last
			last = nil
		}
	}
	if next == w.tree.size {
		return nil // each of them failed by itself
	}
	if len(last) > 0 {
		entries[transparency.Tile{Index: next / transparency.TileWidth, Width: len(last)}] = last
	}
	root, err := rootOf(next, grown)
	if err != nil {
		return w.fail(err)
	}
	written, err := w.writeTiles(grown, entries, next)
	if err != nil {
		return w.fail(err)
	}
	note, err := (&transparency.Checkpoint{Origin: w.Origin(), Size: next, Root: root}).Sign(w.signer)
	if err == nil {
		err = writeSynced(filepath.Join(w.dir, CheckpointName), note, 0o644)
	}
	if err == nil {
		err = syncFolder(w.dir)
	}
	if err != nil {
		return w.fail(err)
	}
	w.tree, w.last = grown, last
	w.tree.settle(written)
	w.mu.Lock()
	w.note = note
	w.mu.Unlock()
	return nil
}

// fail notes that the disk cannot be written: what stands there is not known any more.
func (w *Writer) fail(err error) error {
	w.fault = fmt.Errorf("the log %s cannot be written: %w", w.dir, err)
	return w.fault
}

// writeTiles writes the tiles of hashes and of entries that changed, and syncs them.
func (w *Writer) writeTiles(g *grown, entries map[transparency.Tile][][]byte, size int64) (map[transparency.Tile][]byte, error) {
	folders, written := map[string]bool{}, map[transparency.Tile][]byte{}
	put := func(name string, data []byte) error {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		folder := filepath.Dir(path)
		if err := makeFolder(w.dir, folder, 0o755); err != nil {
			return err
		}
		folders[folder] = true
		return writeSynced(path, data, 0o644)
	}
	for tile, leaves := range entries {
		var data []byte
		for _, leaf := range leaves {
			data = append(append(data, byte(len(leaf)>>8), byte(len(leaf))), leaf...)
		}
		if err := put(tile.EntriesPath(), data); err != nil {
			return nil, err
		}
	}
	for _, tile := range g.changed(w.tree.size, size) {
		data, err := tile.Read(g)
		if err != nil {
			return nil, err
		}
		written[tile] = data
		if err := put(tile.Path(), data); err != nil {
			return nil, err
		}
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// acquire takes the lock of a file, which it waits for until ctx is done.
func acquire(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := filelock.Try(f)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, filelock.ErrLocked) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}
