package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Pruned is what Prune set free, in bytes.
type Pruned struct {
	Blobs   int64 `json:"blobs"`   // files that no name needs
	Staging int64 `json:"staging"` // what unfinished pulls left
	Uploads int64 `json:"uploads"` // files that were sent to a server and became no model
}

// Total is the sum.
func (p Pruned) Total() int64 { return p.Blobs + p.Staging + p.Uploads }

// uploadPause is how long a file that was sent here has to wait for its model until Prune
// takes it: who makes a model sends its files one behind the other.
const uploadPause = time.Hour

// Prune removes what no stored model needs: files and snapshots without a name, what
// unfinished pulls left, unless they run, and files that were sent to a server an hour ago
// or longer and became no model. What cannot be removed is named by the error, and the
// rest is removed all the same. As long as a manifest cannot be read no blobs are removed,
// since it may need them.
func (s *Store) Prune(ctx context.Context) (Pruned, error) {
	var p Pruned
	if there, err := exists(s.dir); err != nil || !there {
		return p, err
	}
	held, err := s.lockCommits(ctx)
	if err != nil {
		return p, err
	}
	defer held.release()
	var blobsErr, stagingErr, uploadsErr error
	p.Staging, stagingErr = s.pruneStaging()
	p.Uploads, uploadsErr = s.pruneUploads()
	p.Blobs, blobsErr = s.sweep()
	return p, errors.Join(blobsErr, stagingErr, uploadsErr)
}

func (s *Store) pruneStaging() (freed int64, err error) {
	entries, err := readDir(filepath.Join(s.dir, "staging"))
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, e := range entries {
		if !isKey(e.Name()) {
			continue
		}
		n, _, err := s.dropStagingKey(e.Name())
		freed += n
		faults = append(faults, err)
	}
	return freed, errors.Join(faults...)
}

func (s *Store) pruneUploads() (freed int64, err error) {
	dir := filepath.Join(s.dir, "uploads")
	entries, err := readDir(dir)
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, e := range entries {
		pause := uploadPause
		if isTemporary(e.Name()) { // it may still be coming
			pause = uploadLife
		} else if !isKey(e.Name()) {
			continue
		}
		st, err := e.Info()
		if err != nil || time.Since(st.ModTime()) < pause {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			faults = append(faults, fmt.Errorf("store: %w", err))
			continue
		}
		freed += st.Size()
	}
	return freed, errors.Join(faults...)
}
