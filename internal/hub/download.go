package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Download fetches one file by its address, and goes on after a cut where it
// stopped: within one Run as well as in the next process. While it is not
// whole it lies beside its path with the ending ".part", and its journal with
// ".part.json". One Download of a path runs at a time.
type Download struct {
	URL    string
	Path   string       // where the file goes
	Size   int64        // bytes; 0 if not known
	Digest Digest       // zero if not known
	Header http.Header  // added to each request, such as Authorization
	Client *http.Client // nil: one that follows redirects and the proxy settings

	pause time.Duration                              // before the second try, doubled with each; 0: a second
	sleep func(context.Context, time.Duration) error // nil: that of the clock
	disk  *disk                                      // nil: the real one
}

const (
	downloadTries = 7                // in a row without a byte more
	maxPause      = 30 * time.Second // between tries
	maxStall      = time.Minute      // without a byte
	journalEvery  = 32 << 20         // bytes between two syncs
)

// partial is the state of a Download that runs.
type partial struct {
	*Download
	file    *os.File
	hash    hash.Hash
	done    int64 // bytes in file, all of them in hash
	total   int64 // bytes of the whole; -1 if not known
	synced  int64 // bytes that the journal vouches for
	journal journal
	resumed bool // some bytes come from an earlier Run
	stale   bool // and the digest was wrong: those bytes may be why
	report  func(done, total int64)
}

// Run fetches the file and returns its digest and size. report gets the bytes
// that are there and those of the whole, 0 if that is not known. When Run
// fails, what has come stays for the next; only bytes with a wrong digest are
// dropped.
//
// Errors: ErrNotFound, ErrUnreachable, ErrDigest (also for a wrong size),
// ErrNoSpace, ErrFormat for an answer that makes no sense, and the end of ctx.
func (d *Download) Run(ctx context.Context, report func(done, total int64)) (Digest, int64, error) {
	p := &partial{Download: d, total: -1, report: report}
	if p.report == nil {
		p.report = func(int64, int64) {}
	}
	if p.disk == nil {
		p.disk = &realDisk
	}
	if p.sleep == nil {
		p.sleep = sleep
	}
	sum, n, err := p.run(ctx)
	if p.stale && ctx.Err() == nil {
		p.stale = false
		sum, n, err = p.run(ctx)
	}
	if err != nil {
		return Digest{}, 0, fmt.Errorf("download %s: %w", printable(d.URL), err)
	}
	return sum, n, nil
}

func (p *partial) partPath() string    { return p.Path + ".part" }
func (p *partial) journalPath() string { return p.Path + ".part.json" }

func (p *partial) run(ctx context.Context) (Digest, int64, error) {
	if err := p.open(ctx); err != nil {
		return Digest{}, 0, err
	}
	defer p.file.Close()
	if err := p.fetchAll(ctx); err != nil {
		if p.done > 0 {
			p.save() // the error to tell is the first
		} else {
			p.drop()
		}
		return Digest{}, 0, err
	}
	return p.finish()
}

// open opens what an earlier Run left, as far as it can be trusted: with a
// digest to compare with in the end, all of it; else what the journal says was
// synced, and only if there is a way to ask whether the file is the same.
func (p *partial) open(ctx context.Context) error {
	file, err := os.OpenFile(p.partPath(), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	p.file, p.total = file, -1
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return fmt.Errorf("store: %w", err)
	}
	p.journal = readJournal(p.journalPath(), p.URL)
	keep := p.journal.Synced
	if p.Digest != (Digest{}) {
		keep = st.Size()
	} else if !p.journal.canAsk() {
		keep = 0
	}
	keep = min(keep, st.Size())
	if p.Size > 0 && keep > p.Size {
		keep = 0
	}
	if err := p.rehash(ctx, keep); err != nil {
		file.Close()
		return err
	}
	p.resumed = p.done > 0
	return nil
}

// rehash brings the hash over the first keep bytes of the file, as they are on
// the disk, and cuts the rest off.
func (p *partial) rehash(ctx context.Context, keep int64) error {
	if err := p.file.Truncate(keep); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	p.hash = sha256.New()
	n, err := copyContext(ctx, p.hash, io.NewSectionReader(p.file, 0, keep), nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	p.done, p.synced = n, n
	_, err = p.file.Seek(n, io.SeekStart)
	return err
}

// restart drops what has come.
func (p *partial) restart() error {
	p.hash, p.done, p.synced, p.resumed = sha256.New(), 0, 0, false
	p.journal = journal{}
	if err := os.Remove(p.journalPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	if err := p.file.Truncate(0); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// drop removes a file of which nothing has come.
func (p *partial) drop() {
	p.file.Close()
	os.Remove(p.partPath())
	os.Remove(p.journalPath())
}

// fetchAll asks again and again until the file is whole.
func (p *partial) fetchAll(ctx context.Context) error {
	first := p.pause
	if first == 0 {
		first = time.Second
	}
	pause := first
	for failures := 0; ; {
		before := p.done
		err := p.request(ctx)
		var again *againError
		if !errors.As(err, &again) {
			return err
		}
		if p.done > before {
			failures, pause = 0, first
		}
		if failures++; failures >= downloadTries {
			return fmt.Errorf("%w after %d tries: %w", ErrUnreachable, failures, again.err)
		}
		if err := p.sleep(ctx, max(pause, min(again.after, maxPause))); err != nil {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// Write takes bytes from the network.
func (p *partial) Write(b []byte) (int, error) {
	n, err := diskWriter{*p.disk, p.file}.Write(b)
	p.hash.Write(b[:n])
	p.done += int64(n)
	if err != nil {
		return n, err
	}
	if p.total >= 0 {
		p.report(p.done, p.total)
	} else {
		p.report(p.done, 0)
	}
	if p.done-p.synced < journalEvery {
		return n, nil
	}
	if err := p.save(); err != nil {
		return n, err
	}
	if p.total < 0 { // a body without an end stops before the disk is full
		return n, p.disk.need(filepath.Dir(p.Path), journalEvery)
	}
	return n, nil
}

// save makes the bytes that have come last, and then notes that they are
// there.
func (p *partial) save() error {
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	p.journal.URL, p.journal.Synced = p.URL, p.done
	if err := p.disk.writeFile(p.journalPath(), p.journal.encode()); err != nil {
		return err
	}
	p.synced = p.done
	return nil
}

// finish compares the digest and gives the file its name.
func (p *partial) finish() (Digest, int64, error) {
	sum := Digest(p.hash.Sum(nil))
	if p.Digest != (Digest{}) && sum != p.Digest {
		p.stale = p.resumed
		p.drop()
		return Digest{}, 0, fmt.Errorf("%d bytes with %s came, want %s: %w", p.done, sum, p.Digest, ErrDigest)
	}
	err := p.file.Sync()
	if err == nil {
		err = p.file.Close()
	}
	if err == nil {
		err = os.Rename(p.partPath(), p.Path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(p.Path))
	}
	if err != nil {
		return Digest{}, 0, fmt.Errorf("store: %w", diskError(err))
	}
	os.Remove(p.journalPath()) // one that stays is for a file that is not there, and ignored
	return sum, p.done, nil
}
