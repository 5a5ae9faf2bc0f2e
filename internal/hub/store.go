package hub

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// Store is a folder of models. Its methods may be used by several goroutines
// and several processes at once.
type Store struct {
	Offline    bool     // Pull and Locate fetch nothing and return ErrOffline instead
	Settings   Settings // where sources are, and who asks them
	Places     Places   // where files may lie that a pull wants
	PublicOnly bool     // addresses that a source names have to be public ones: others than the machine's user name them

	// Approve is asked before the bytes of a source that lists its files are fetched, how
	// many are missing; its error ends the pull. nil: nobody is asked.
	Approve func(missing int64) error

	// Voucher says who signed what is stored; nil: nobody is asked.
	Voucher Voucher

	dir   string
	disk  disk
	pause time.Duration  // before the second try of a download that was cut
	roots *x509.CertPool // who vouches for servers; nil: whom the system trusts
}

// DefaultHome returns the folder of the store: $BLITZ_HOME, else
// $XDG_DATA_HOME/blitz, else .local/share/blitz (on Windows
// %LOCALAPPDATA%\blitz) in the user's home folder. As XDG says, a relative
// XDG_DATA_HOME is ignored.
func DefaultHome(getenv func(string) string) (string, error) {
	if dir := getenv("BLITZ_HOME"); dir != "" {
		return dir, nil
	}
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "blitz"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := getenv("LOCALAPPDATA"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "blitz"), nil
		}
		if dir := getenv("USERPROFILE"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "AppData", "Local", "blitz"), nil
		}
	} else if dir := getenv("HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, ".local", "share", "blitz"), nil
	}
	return "", errors.New("no home folder: set BLITZ_HOME to the folder that models are kept in")
}

// Open returns the store in dir. A folder that is not there is an empty store,
// and is made by the first pull or import.
func Open(dir string) (*Store, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	st, err := os.Stat(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("store: %w", err)
	case !st.IsDir():
		return nil, fmt.Errorf("store %s: not a folder", absolute)
	}
	return &Store{dir: absolute, disk: realDisk, pause: time.Second}, nil
}

// Dir is the store's folder, an absolute path.
func (s *Store) Dir() string { return s.dir }

func (s *Store) manifestPath(key Digest) string {
	return filepath.Join(s.dir, "manifests", key.Hex()+".json")
}

func (s *Store) blobPath(d Digest) string {
	return filepath.Join(s.dir, "blobs", d.Hex()[:2], d.Hex())
}

func (s *Store) snapshotPath(listing Digest) string {
	return filepath.Join(s.dir, "snapshots", listing.Hex())
}

func (s *Store) stagingPath(name Name) string {
	return filepath.Join(s.dir, "staging", name.Key().Hex())
}

func (s *Store) lockPath(name Name) string {
	return filepath.Join(s.dir, "locks", name.Key().Hex())
}

// lockCommits takes the lock under which blobs, snapshots and manifests
// change. It is held for renames and links, never while bytes move.
func (s *Store) lockCommits(ctx context.Context) (*lock, error) {
	return acquire(ctx, filepath.Join(s.dir, "locks", "commits"), nil)
}

// List returns the stored models in the order of their names. Manifests that
// cannot be read are left out and make up the error, which names their files;
// the models are valid beside it.
func (s *Store) List() ([]*Model, error) {
	dir := filepath.Join(s.dir, "manifests")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var models []*Model
	var faults []error
	for _, e := range entries {
		key, ok := keyOfManifest(e.Name())
		if !ok {
			continue
		}
		m, err := s.load(key)
		switch {
		case err == nil:
			models = append(models, m)
		case errors.Is(err, fs.ErrNotExist): // removed since the folder was read
		default:
			faults = append(faults, err)
		}
	}
	slices.SortFunc(models, func(a, b *Model) int {
		return strings.Compare(strings.ToLower(a.Name.String()), strings.ToLower(b.Name.String()))
	})
	return models, errors.Join(faults...)
}

func keyOfManifest(file string) (Digest, bool) {
	stem, ok := strings.CutSuffix(file, ".json")
	if !ok || len(stem) != hex.EncodedLen(len(Digest{})) {
		return Digest{}, false
	}
	key, err := ParseDigest(stem)
	return key, err == nil
}

// load reads the manifest of a key.
func (s *Store) load(key Digest) (*Model, error) {
	path := s.manifestPath(key)
	text, err := readFile(path, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Name.Key() != key {
		return nil, fmt.Errorf("%s: the manifest of %s is under another name's file: %w", path, m.Name, ErrFormat)
	}
	return m, nil
}

// Get returns the model of a name. A name without a tag means the tag latest,
// or the only tag there is; countdown is the model in the program. A name that
// is not there is a NotFoundError with what is near it.
func (s *Store) Get(text string) (*Model, error) {
	name, err := ParseName(text)
	if err == nil && name.isReserved() && strings.EqualFold(name.Tag, DefaultTag) {
		return Within()
	}
	return s.get(text)
}

// get is Get of what is stored.
func (s *Store) get(text string) (*Model, error) {
	name, tagged, err := parseName(text)
	if err != nil {
		return nil, err
	}
	m, err := s.load(name.Key())
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	models, listErr := s.List()
	var same []*Model
	var names, tags []Name
	for _, m := range models {
		names = append(names, m.Name)
		if m.Name.EqualPath(name) {
			same = append(same, m)
			tags = append(tags, m.Name)
		}
	}
	if !tagged && len(same) == 1 {
		return same[0], nil
	}
	missing := &NotFoundError{Name: name.Short(), Suggestions: Nearest(name.Short(), names)}
	if len(tags) > 0 {
		missing.Suggestions = missing.Suggestions[:0]
		for _, t := range tags[:min(5, len(tags))] {
			missing.Suggestions = append(missing.Suggestions, t.String())
		}
	}
	if listErr != nil {
		return nil, errors.Join(missing, listErr)
	}
	return nil, missing
}

// Copy gives a model a further name; the bytes are shared. A model that had
// this name loses it.
func (s *Store) Copy(ctx context.Context, from, to string) (*Model, error) {
	return s.derive(ctx, from, to, func(*Model) error { return nil })
}

// derive stores a model under a further name as change makes it.
func (s *Store) derive(ctx context.Context, from, to string, change func(*Model) error) (*Model, error) {
	name, err := ParseFree(to)
	if err != nil {
		return nil, err
	}
	if m, err := s.Get(from); err != nil {
		return nil, err
	} else if m.IsWithin() {
		return nil, withHint(fmt.Errorf("%s: %w", m.Name.Short(), ErrWithin),
			"blitz export "+m.Name.Short()+" DIR writes its files, and blitz import DIR NAME stores them")
	}
	held, err := s.lockCommits(ctx)
	if err != nil {
		return nil, err
	}
	defer held.release()
	m, err := s.Get(from) // again: it may have gone meanwhile
	if err != nil {
		return nil, err
	}
	second := *m
	second.Name = name
	if err := change(&second); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := s.writeManifest(&second); err != nil {
		return nil, err
	}
	s.sweep() // the name's former model; a sweep that cannot be done is done by the next
	return &second, nil
}

// writeManifest puts the manifest in its place, which makes the model known.
// The lock on commits is held.
func (s *Store) writeManifest(m *Model) error {
	if err := m.Name.checkFree(); err != nil {
		return err
	}
	text, err := encodeManifest(m)
	if err != nil {
		return err
	}
	path := s.manifestPath(m.Name.Key())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	return s.disk.writeFile(path, text)
}

// Remove takes a name away, with what an unfinished pull of it left, and
// removes the files that no other name needs. It returns the bytes that this
// set free. Models that are open stay usable where the system lets a mapped
// file be removed, as Linux does. A manifest that cannot be read is removed
// too. If another one cannot be read, the name is gone and the error says that
// the files stay.
func (s *Store) Remove(ctx context.Context, text string) (freed int64, err error) {
	name, err := ParseName(text)
	if err != nil {
		return 0, err
	}
	within := func(err error) error { // a name that older programs stored is removed as any other
		if name.isReserved() && errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%s: %w", name.Short(), ErrWithin)
		}
		return err
	}
	if there, err := exists(s.dir); err == nil && !there {
		_, err := s.get(text)
		return 0, within(err)
	}
	held, err := s.lockCommits(ctx)
	if err != nil {
		return 0, err
	}
	defer held.release()
	m, missing := s.get(text)
	if missing == nil {
		name = m.Name
	}
	if !errors.Is(missing, ErrNotFound) {
		if err := s.removeManifest(name); err != nil {
			return 0, err
		}
	}
	unfinished, dropped, err := s.dropStaging(name)
	if err != nil {
		return 0, err
	}
	if errors.Is(missing, ErrNotFound) && !dropped {
		return 0, within(missing)
	}
	freed, err = s.sweep()
	return freed + unfinished, err
}

func (s *Store) removeManifest(name Name) error {
	path := s.manifestPath(name.Key())
	err := os.Remove(path)
	if err == nil {
		err = newfile.SyncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}
