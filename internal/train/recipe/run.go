package recipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// Run is the recipe in a folder.
type Run struct {
	Settings *Settings
	Folder   string // where all of it is written
	Threads  int
	// MemoryLimit is how many bytes weights may take; 0: any.
	MemoryLimit int64
	Watch       func(stage string, v any) // is told each *course.Report, *grpo.Metric, *Gathered, *Score, and strings
	Now         func() time.Time
}

// tell tells who watches.
func (r *Run) tell(s *stage, v any) { r.Watch(s.name, v) }

// The folders of models without weights.
const (
	teacherName = "shape-teacher"
	studentName = "shape-student"
)

// Go runs all stages that are not done, each from its last state on. The error wraps
// train.ErrSettings where the folder has a run of other settings, course.ErrDoomed where a stage
// cannot come to anything.
func (r *Run) Go(ctx context.Context) error {
	lock, err := r.begin()
	if err != nil {
		return err
	}
	defer lock.Close() // ends the lock; the file stays
	for _, s := range r.stages() {
		if err := r.one(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := r.table(); err != nil {
			return err
		}
	}
	return nil
}

// begin makes the folder, and holds it.
func (r *Run) begin() (lock *os.File, err error) {
	if err := r.Settings.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.Folder, 0o777); err != nil {
		return nil, err
	}
	if lock, err = os.OpenFile(filepath.Join(r.Folder, "lock"), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	err = filelock.Try(lock)
	switch {
	case errors.Is(err, filelock.ErrLocked):
		err = fmt.Errorf("recipe: %s: another run is at work there: %w", r.Folder, train.ErrSettings)
	case errors.Is(err, errors.ErrUnsupported), err == nil:
		if err = tidy(r.Folder); err == nil {
			err = r.write()
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// write writes the settings and the shapes, or holds the folder's to them.
func (r *Run) write() error {
	text, err := r.Settings.TOML()
	if err != nil {
		return err
	}
	path := filepath.Join(r.Folder, course.SettingsName)
	if err := writeOnce(path, text); err != nil {
		return err
	}
	there := Usual(0) // of keys that a run of before has not
	raw, err := os.ReadFile(path)
	if err == nil {
		err = there.Parse(path, raw)
	}
	if err != nil {
		return err
	}
	if other, err := there.TOML(); err != nil || !bytes.Equal(other, text) {
		return errors.Join(fmt.Errorf("recipe: %s: holds a run of other settings: take another folder, or its run.toml: %w", r.Folder, train.ErrSettings), err)
	}
	if err := vocabulary.Write(filepath.Join(r.Folder, teacherName), r.Settings.Teacher.config(r.Settings.Context), Template); err != nil {
		return err
	}
	return vocabulary.Write(filepath.Join(r.Folder, studentName), r.Settings.Student.config(r.Settings.Context), Template)
}

// tidy removes what a run that was killed left half written in a folder.
func tidy(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".partial") {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}

// from returns the folder of the model that a stage begins with.
func (r *Run) from(s *stage) string {
	switch {
	case s.from != "":
		return filepath.Join(r.Folder, s.from)
	case s.dense:
		return filepath.Join(r.Folder, studentName)
	}
	return filepath.Join(r.Folder, teacherName)
}

// one runs a stage, and measures its model.
func (r *Run) one(ctx context.Context, s *stage) error {
	if exists(filepath.Join(r.folder(s), scoreName)) {
		return nil
	}
	if err := os.MkdirAll(r.folder(s), 0o777); err != nil {
		return err
	}
	if err := tidy(r.folder(s)); err != nil {
		return err
	}
	if !course.Done(r.folder(s)) {
		r.tell(s, s.title)
		if err := s.learn(ctx, s, r.from(s)); err != nil {
			return err
		}
	}
	// One that was killed behind its last step may have left its states.
	if err := os.RemoveAll(filepath.Join(r.folder(s), "state")); err != nil {
		return err
	}
	x, err := r.measure(ctx, s)
	if err != nil {
		return err
	}
	if s.name == settled {
		if err := r.narrow(ctx, r.folder(s), filepath.Join(r.Folder, ExportName)); err != nil {
			return err
		}
	}
	if err := newfile.Write(filepath.Join(r.folder(s), scoreName), letters.JSON(x)); err != nil {
		return err
	}
	r.tell(s, x)
	return nil
}
