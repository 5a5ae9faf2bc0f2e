package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// look asks a source what it has for a pull. The client of the listing is the
// caller's to close.
type look func(ctx context.Context, src Source, meter *meter) (*listing, error)

// fetching is the pull of one listing. The caller holds the lock of the name.
type fetching struct {
	store   *Store
	listing *listing
	name    Name
	staging string // the folder of what came so far
	meter   *meter
	total   int64 // bytes of the files whose size is known
	done    int64 // of the files before this one
	whole   int   // files that are there
	useless bool  // they are no model: none of them is wanted again
}

// pullListing pulls a model whose source lists its files: it takes what the
// store, an earlier pull and other programs have, fetches the rest, and stores
// it under the name. A model that is stored as it is listed stays as it is.
func (s *Store) pullListing(ctx context.Context, src Source, name Name, meter *meter, ask look) (*Model, error) {
	held, err := acquire(ctx, s.lockPath(name), func() { meter.set(Progress{Stage: Waiting, What: name.Short()}) })
	if err != nil {
		return nil, err
	}
	defer held.release()
	meter.set(Progress{Stage: Asking, What: src.String()})
	l, err := ask(ctx, src, meter)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", src, err)
	}
	defer l.client.Close()
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("pull %s: %w", src, err)
	}
	if err := s.admit(ctx, l); err != nil {
		return nil, fmt.Errorf("pull %s: %w", src, err)
	}
	meter.version = l.version
	if m, err := s.unchanged(ctx, l, name, meter); m != nil || err != nil {
		if err == nil {
			err = s.revouch(ctx, m, l.signed)
		}
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	p := &fetching{store: s, listing: l, name: name, staging: s.stagingPath(name), meter: meter, total: l.size()}
	m, err := p.run(ctx)
	if err == nil {
		os.RemoveAll(p.staging) // what cannot be removed is removed by a later sweep
		return m, nil
	}
	kept := p.kept()
	if kept == 0 || p.useless {
		os.RemoveAll(p.staging) // there is nothing to go on with, or what there is is not wanted again
		return nil, fmt.Errorf("pull %s: %w", src, err)
	}
	return nil, &UnfinishedError{Source: src, Kept: p.whole, Of: len(l.files), Bytes: kept, Err: err}
}

// unchanged returns the stored model of a name if it is what the source lists,
// and its bytes are.
func (s *Store) unchanged(ctx context.Context, l *listing, name Name, meter *meter) (*Model, error) {
	m, err := s.load(name.Key())
	if err != nil {
		return nil, nil // not there, or not to be read: it is fetched
	}
	origin, err := ParseSource(m.Origin.Source)
	if err != nil || origin.Kind != l.source.Kind || m.Origin.Version != l.version && l.mark == "" || l.mark != m.Origin.Mark {
		return nil, nil
	}
	if l.mark == "" {
		for _, f := range l.files {
			i := slices.IndexFunc(m.Files, func(have File) bool { return have.Name == f.name })
			if f.content == nil && f.unpack == nil && (i < 0 || f.digest != Digest{} && f.digest != m.Files[i].Digest) {
				return nil, nil
			}
		}
	}
	if l.version == "" && l.mark == "" {
		return nil, nil
	}
	if err := s.verify(ctx, m, meter); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("pull %s: %w", l.source, err)
		}
		return nil, nil // damaged: what is wrong is fetched
	}
	return m, nil
}

// folder is where the files of the model come together under their own names.
func (p *fetching) folder() string { return filepath.Join(p.staging, "model") }

func (p *fetching) run(ctx context.Context) (*Model, error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	release, err := p.lockParts(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	files := make([]*staged, len(p.listing.files))
	var missing int64
	for i := range p.listing.files {
		f, err := p.had(ctx, &p.listing.files[i])
		if err != nil {
			return nil, err
		}
		if files[i] = f; f == nil {
			missing += max(p.listing.files[i].size, p.listing.files[i].hint)
		}
	}
	if approve := p.store.Approve; approve != nil && missing > 0 {
		if err := approve(missing); err != nil {
			return nil, err
		}
	}
	if err := p.store.disk.need(p.staging, missing); err != nil {
		return nil, err
	}
	var all []staged
	for i := range p.listing.files {
		f := &p.listing.files[i]
		came, err := p.bring(ctx, i, f, files[i])
		if err != nil {
			return nil, err
		}
		all = append(all, came...)
		p.done += max(f.size, f.hint)
		p.whole++
	}
	m, err := p.keep(ctx, all)
	p.useless = errors.Is(err, ErrFormat)
	if err == nil || p.useless {
		for _, key := range partsOf(p.staging) { // what a killed process left of files that came whole
			_ = os.RemoveAll(filepath.Join(p.store.dir, "staging", key))
		}
	}
	return m, err
}

// open makes the staging folder, and removes from what an earlier pull left in
// it the files that are not listed.
func (p *fetching) open() error {
	for _, dir := range []string{p.folder(), filepath.Join(p.staging, "layers")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("store: %w", diskError(err))
		}
	}
	now := time.Now()
	os.Chtimes(p.staging, now, now) // so that sweep sees it is in use; without it, it sees that it is locked
	listed := map[string]bool{}
	for _, f := range p.listing.files {
		if f.unpack == nil {
			listed[f.name], listed[f.name+".part"], listed[f.name+".part.json"] = true, true, true
		}
	}
	entries, err := readDir(p.folder())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !listed[e.Name()] {
			if err := os.RemoveAll(filepath.Join(p.folder(), e.Name())); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}
	return nil
}

// place is where a file of the listing goes: an archive beside the model, all
// else into its folder.
func (p *fetching) place(f *remote) string {
	if f.unpack != nil {
		return filepath.Join(p.staging, "layers", f.digest.Hex())
	}
	return filepath.Join(p.folder(), f.name)
}

// had returns a file that need not be fetched: of an earlier pull, of the
// store, of another program, or made here; nil if there is none.
func (p *fetching) had(ctx context.Context, f *remote) (*staged, error) {
	path := p.place(f)
	have, err := p.digested(ctx, f, path)
	if have != nil || err != nil {
		return have, err
	}
	if f.content != nil {
		if err := p.store.disk.writeFile(path, f.content); err != nil {
			return nil, err
		}
		return p.digested(ctx, f, path)
	}
	if f.digest != (Digest{}) && f.unpack == nil {
		stored := File{Name: f.name, Size: f.size, Digest: f.digest}
		if ok, err := p.store.holds(ctx, stored); ok && p.store.share(ctx, f.digest, path) == nil {
			return &staged{File: stored, path: path}, nil
		} else if err != nil {
			return nil, err
		}
	}
	if f.digest == (Digest{}) {
		return nil, nil
	}
	w := wanted{path: f.label(), size: f.size, digest: f.digest}
	if k := p.listing.source.Kind; k == KindHuggingFace || k == KindModelScope {
		w.repository = p.listing.source.Name
	}
	found, ok, err := p.store.takeFound(ctx, w, path, func(n int64) {
		p.meter.set(Progress{Stage: Copying, What: f.label(), Done: min(n, f.size), Total: f.size})
	})
	if err != nil || !ok {
		return nil, err
	}
	found.Name = f.name
	return &found, nil
}

// digested returns the file at path if it is the one that is listed, and
// removes it otherwise.
func (p *fetching) digested(ctx context.Context, f *remote, path string) (*staged, error) {
	if there, err := exists(path); err != nil || !there {
		return nil, nil // one that cannot be looked at is written over, or fails then
	}
	if hasOtherNames(path) { // of another program, or of the store: it is taken from there anew, with what commit has to know of it
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		return nil, nil
	}
	d, n, err := digestFile(ctx, path, nil)
	if ctx.Err() != nil {
		return nil, err
	}
	good := err == nil && (f.size == 0 || n == f.size)
	switch {
	case f.content != nil:
	case f.digest != (Digest{}):
		good = good && d == f.digest
	case f.git != [20]byte{}:
		good = good && matchesGit(path, n, f.git)
	default:
		good = false
	}
	if !good {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		return nil, nil
	}
	return &staged{File: File{Name: f.name, Size: n, Digest: d}, path: path}, nil
}

// bring makes a file of the listing be there, and unpacks it if it is an
// archive. have: it is there already.
func (p *fetching) bring(ctx context.Context, i int, f *remote, have *staged) ([]staged, error) {
	if have == nil {
		came, err := p.fetch(ctx, i, f)
		if err != nil {
			return nil, err
		}
		have = came
	}
	if f.unpack == nil {
		have.Role = f.role
		return []staged{*have}, nil
	}
	p.meter.set(Progress{Stage: Unpacking, What: f.label()})
	names, err := f.unpack(ctx, have.path, p.folder())
	if err != nil {
		p.useless = errors.Is(err, ErrFormat)
		return nil, fmt.Errorf("%s: %w", printable(f.label()), err)
	}
	var files []staged
	for _, name := range names {
		path := filepath.Join(p.folder(), name)
		d, n, err := digestFile(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		files = append(files, staged{File: File{Role: f.role, Name: name, Size: n, Digest: d}, path: path})
	}
	return files, nil
}

// fetch fetches a file.
func (p *fetching) fetch(ctx context.Context, i int, f *remote) (*staged, error) {
	progress := Progress{Stage: Fetching, What: f.label(), Item: i + 1, Items: len(p.listing.files), Total: p.total}
	if progress.Items == 1 {
		progress.Item, progress.Items = 0, 0
	}
	path := p.place(f)
	hint := f.hint
	if !f.ranges {
		hint = 0
	}
	sum, n, err := p.fetchFile(ctx, f, fetch.File{
		URL: f.url, Address: f.address, Header: f.header, Path: path, Size: f.size, Hint: hint, SHA256: f.digest, GitSHA1: f.git,
		Begins: beginning(f), Room: p.store.disk.need, WriteAt: p.store.disk.writeAtOf,
	}, func(done, total int64) {
		progress.Done = p.done + done
		progress.Total = max(p.total, p.done+total)
		p.meter.set(progress)
	})
	if err != nil {
		if p.listing.explain != nil {
			err = p.listing.explain(err)
		}
		return nil, fmt.Errorf("%s: %w", printable(f.label()), diskError(err))
	}
	return &staged{File: File{Name: f.name, Size: n, Digest: sum}, path: path}, nil
}

// beginning is what the bytes of a file of this name begin with.
func beginning(f *remote) string {
	if f.unpack == nil && strings.HasSuffix(strings.ToLower(f.name), ".gguf") {
		return "GGUF"
	}
	return ""
}

// keep checks that the files are a model and commits them.
func (p *fetching) keep(ctx context.Context, files []staged) (*Model, error) {
	var names []string
	seen := map[string]bool{}
	for _, f := range files {
		folded := strings.ToLower(f.Name)
		if !PlainName(f.Name) || seen[folded] {
			return nil, fmt.Errorf("file name %q is not plain, or comes twice: %w", clip(f.Name), ErrFormat)
		}
		seen[folded] = true
		if f.Role == "" {
			names = append(names, f.Name)
		}
	}
	members, format, err := selectFiles(names)
	if err != nil {
		return nil, err
	}
	facts, err := readFacts(p.folder(), members, format)
	if err != nil {
		return nil, err
	}
	var ordered []staged
	for _, m := range members {
		i := slices.IndexFunc(files, func(f staged) bool { return f.Name == m.name })
		files[i].Role = m.role
		ordered = append(ordered, files[i])
	}
	for _, f := range files {
		if !slices.ContainsFunc(ordered, func(o staged) bool { return o.Name == f.Name }) && f.Role != "" {
			ordered = append(ordered, f)
		}
	}
	m := &Model{
		Name:     p.name,
		Origin:   Origin{Source: p.listing.source.String(), Version: p.listing.version, Mark: p.listing.mark},
		Facts:    facts,
		PulledAt: time.Now().UTC(),
		Variant:  p.listing.variant,
	}
	if m.Origin.Version == "" {
		for _, f := range ordered {
			m.Files = append(m.Files, f.File)
		}
		m.Origin.Version = m.Digest().String()
	}
	p.meter.set(Progress{Stage: Storing, What: m.Name.Short()})
	former, _ := p.store.load(p.name.Key()) // one that cannot be read was none that anybody used
	if err := p.store.commit(ctx, m, ordered, p.listing.signed); err != nil {
		return nil, err
	}
	if former != nil && former.Origin.Source != m.Origin.Source {
		p.meter.note([]string{fmt.Sprintf("%s was another model before (%s, from %s)", m.Name.Short(), former.Digest(), printable(former.Origin.Source))})
	}
	return m, nil
}

// share puts the bytes of a blob at path, shared where the file system can.
func (s *Store) share(ctx context.Context, d Digest, path string) error {
	if err := s.lay(ctx, d, path); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}
