package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stagingLife is how long the rest of an unfinished pull is kept for its next
// try.
const stagingLife = 30 * 24 * time.Hour

// sweep removes what no manifest names: blobs, snapshots, the rests of crashed
// commits, and unfinished pulls that nobody has gone on with. As long as one
// manifest cannot be read, nothing is removed. It returns the bytes set free.
// The lock on commits is held.
func (s *Store) sweep() (freed int64, err error) {
	models, err := s.List()
	if err != nil {
		return 0, fmt.Errorf("files stay, since a manifest that cannot be read may need them: %w", err)
	}
	blobs, snapshots, names := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, m := range models {
		names[m.Name.Key().Hex()] = true
		snapshots[m.listing().Hex()] = true
		for _, f := range m.Files {
			blobs[f.Digest.Hex()] = true
		}
	}
	err = errors.Join(
		s.sweepFolder("manifests", func(name string) bool { return !isTemporary(name) }),
		s.sweepFolder("snapshots", func(name string) bool {
			return snapshots[name] || !isTemporary(name) && !isKey(name)
		}),
		s.sweepFolder("used", func(name string) bool { return names[name] || !isKey(name) }),
		s.sweepBlobs(blobs, &freed),
		s.sweepStaging(),
	)
	return freed, err
}

// isTemporary and isKey know the names that the store gives. A folder that
// somebody else filled may be named as the store by mistake: what bears other
// names is not touched.
func isTemporary(name string) bool { return strings.HasPrefix(name, temporaryPrefix) }

func isKey(name string) bool {
	_, err := ParseDigest(name)
	return err == nil && !strings.Contains(name, ":")
}

// sweepFolder removes the entries of a folder of the store that keep does not
// want.
func (s *Store) sweepFolder(folder string, keep func(name string) bool) error {
	dir := filepath.Join(s.dir, folder)
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keep(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return nil
}

func (s *Store) sweepBlobs(keep map[string]bool, freed *int64) error {
	dir := filepath.Join(s.dir, "blobs")
	fans, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, fan := range fans {
		if !fan.IsDir() || len(fan.Name()) != 2 {
			continue
		}
		if err := sweepFan(filepath.Join(dir, fan.Name()), keep, freed); err != nil {
			return err
		}
	}
	return nil
}

// sweepFan sweeps the blobs whose digests begin with the same byte.
func sweepFan(dir string, keep map[string]bool, freed *int64) error {
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	linked := make(map[string]bool) // hard links to a user's file, which keeps the bytes
	for _, e := range entries {
		if digits, ok := strings.CutSuffix(e.Name(), linkSuffix); ok {
			linked[digits] = true
		}
	}
	left := len(entries)
	for _, e := range entries {
		digits := strings.TrimSuffix(e.Name(), linkSuffix)
		if keep[digits] || !isTemporary(digits) && !isKey(digits) {
			continue
		}
		if st, err := e.Info(); err == nil && !linked[digits] {
			*freed += st.Size()
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
		left--
	}
	if left == 0 {
		os.Remove(dir) // not if something came meanwhile
	}
	return nil
}

func (s *Store) sweepStaging() error {
	dir := filepath.Join(s.dir, "staging")
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !isKey(e.Name()) || time.Since(st.ModTime()) < stagingLife {
			continue
		}
		if _, _, err := s.dropStagingKey(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// dropStaging removes what an unfinished pull of a name left, unless that pull
// is running. It returns the bytes set free and whether there was anything.
func (s *Store) dropStaging(name Name) (freed int64, dropped bool, err error) {
	return s.dropStagingKey(name.Key().Hex())
}

func (s *Store) dropStagingKey(key string) (freed int64, dropped bool, err error) {
	path := filepath.Join(s.dir, "staging", key)
	if there, err := exists(path); err != nil || !there {
		return 0, false, err
	}
	held, err := tryAcquire(filepath.Join(s.dir, "locks", key))
	if errors.Is(err, errLocked) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer held.release()
	for _, part := range partsOf(path) {
		if n, _, err := s.dropStagingKey(part); err == nil { // one that stays is a sweep's
			freed += n
		}
	}
	freed += folderSize(path)
	if err := os.RemoveAll(path); err != nil {
		return 0, false, fmt.Errorf("store: %w", err)
	}
	return freed, true, nil
}

// folderSize adds up the sizes of the files below path, as far as it can see
// them.
func folderSize(path string) (size int64) {
	filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // gone meanwhile, or a folder
		}
		if st, err := e.Info(); err == nil {
			size += st.Size()
		}
		return nil
	})
	return size
}

// readDir lists a folder of the store; one that was never made is empty.
func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	return entries, nil
}
