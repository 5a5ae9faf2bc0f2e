package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// notes is an owner with one table; its second version has a further column.
var notes = []Migration{
	{"notes", []string{`CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;`}},
	{"notes", []string{`CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;`, `ALTER TABLE notes ADD COLUMN mark INTEGER NOT NULL DEFAULT 7; CREATE INDEX marks ON notes(mark);`}},
}

func open(t *testing.T, path string, owners ...Migration) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, owners...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func write(t *testing.T, db *DB, text string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO notes (text) VALUES (?)`, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func texts(t *testing.T, db *DB) (list []string) {
	t.Helper()
	rows, err := db.Query(`SELECT text FROM notes ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// Every connection of the pool has the settings that keep what was committed.
func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?#%&= näme", FileName)
	db := open(t, path, notes[0])
	var held []*sql.Conn
	for range maxOpen {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": fmt.Sprint(patience.Milliseconds()), "trusted_schema": "0",
		} {
			var got string
			if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %q, %v; want %q", pragma, got, err, want)
			}
		}
	}
	for _, c := range held {
		c.Close()
	}
	write(t, db, "x")
	if runtime.GOOS == "windows" {
		return
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v; want the file and its log at its path", len(files), err)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", f.Name(), st.Mode(), err)
		}
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: mode %v, %v; want 0700", st.Mode(), err)
	}
}

// A file that others may read is closed to them when it is opened.
func TestModeOfOld(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are of unix; run on Linux or macOS")
	}
	path := filepath.Join(t.TempDir(), FileName)
	db := open(t, path, notes[0])
	db.Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path, notes[0])
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", st.Mode(), err)
	}
}

// A file of the first version, made by an earlier program, is brought to the second; a
// copy as it was stays beside it.
func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	old, err := os.ReadFile("testdata/notes-1.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	other := Migration{"other", []string{`CREATE TABLE other (a TEXT) STRICT;`}}
	db := open(t, path, notes[1], other)
	var mark int
	if err := db.QueryRow(`SELECT mark FROM notes WHERE text = 'first'`).Scan(&mark); err != nil || mark != 7 {
		t.Errorf("mark %d, %v; want 7", mark, err)
	}
	if got := texts(t, db); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("texts %q", got)
	}
	kept := open(t, path+".notes-1", notes[0])
	if got := texts(t, kept); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the copy has %q", got)
	}
	kept.Close()
	db.Close()
	again := open(t, path, notes[1], other)
	write(t, again, "third")
	if got := texts(t, again); len(got) != 3 {
		t.Errorf("texts %q", got)
	}
	if copies, _ := filepath.Glob(path + ".*-*"); len(copies) != 1 {
		t.Errorf("copies %q, want one", copies)
	}
}

// A step that fails leaves the file as it was.
func TestMigrateFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	write(t, open(t, path, notes[0]), "x")
	bad := Migration{"notes", append(slices.Clone(notes[1].Steps), `CREATE TABLE extra (a) STRICT; no SQL;`)}
	if _, err := Open(t.Context(), path, bad); err == nil || !strings.Contains(err.Error(), "notes: version 2 to 3") {
		t.Errorf("%v, want the step that failed", err)
	}
	db := open(t, path, notes[0])
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM pragma_table_info('notes')`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d columns, %v; want 2", n, err)
	}
}

// Files that this program must not touch are refused by name, and are not changed.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	newer := filepath.Join(dir, "newer.db")
	open(t, newer, notes[1]).Close()
	foreign := filepath.Join(dir, "foreign.db")
	f, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Exec(`CREATE TABLE x (a)`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	later := filepath.Join(dir, "later.db")
	l := open(t, later, notes[0])
	if _, err := l.Exec(`PRAGMA user_version = 2`); err != nil {
		t.Fatal(err)
	}
	l.Close()
	text := filepath.Join(dir, "text.db")
	broken := filepath.Join(dir, "broken.db")
	b := open(t, broken, notes[0])
	write(t, b, strings.Repeat("text ", 50_000))
	b.Close()
	whole, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 8192; i++ {
		whole[i] ^= 0x5a
	}
	for path, b := range map[string][]byte{text: []byte(strings.Repeat("this is no database\n", 100)), broken: whole} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]error{newer: ErrNewer, later: ErrNewer, foreign: ErrForeign, text: ErrDamaged, broken: ErrDamaged} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		db, err := Open(t.Context(), path, notes[0])
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v and the name", filepath.Base(path), err, want)
		}
		if after, err := os.ReadFile(path); err != nil || len(after) != len(before) || string(after[100:]) != string(before[100:]) {
			t.Errorf("%s was changed", filepath.Base(path))
		}
	}
	if _, err := Open(t.Context(), dir, notes[0]); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("a folder: %v", err)
	}
}

// A backup made while others write is whole, and holds each transaction or none of it.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, FileName), notes[0])
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			err := db.Update(context.Background(), func(tx *sql.Tx) error {
				for range 2 {
					if _, err := tx.Exec(`INSERT INTO notes (text) VALUES (?)`, fmt.Sprint(i)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 5 {
		to := filepath.Join(dir, fmt.Sprintf("copy ?%d.db", i))
		if err := db.Backup(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		if n := len(texts(t, open(t, to, notes[0]))); n%2 != 0 {
			t.Errorf("%d notes in the backup, want an even number", n)
		}
		if err := db.Backup(t.Context(), to); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), to) {
			t.Errorf("over a file: %v", err)
		}
	}
	close(stop)
	wg.Wait()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Backup(cancelled, filepath.Join(dir, "none.db")); err == nil {
		t.Error("a backup that was cancelled has no error")
	}
	if err := db.Backup(t.Context(), filepath.Join(dir, "no", "folder.db")); err == nil {
		t.Error("a backup into no folder has no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// Goroutines that write at once wait for each other; one that fails changes nothing.
func TestUpdate(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), FileName), notes[0])
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *sql.Tx) error {
				if _, err := tx.Exec(`INSERT INTO notes (text) VALUES ('x')`); err != nil {
					return err
				}
				if i%2 == 0 {
					return errors.New("no")
				}
				return nil
			})
			if (err != nil) != (i%2 == 0) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := len(texts(t, db)); n != 10 {
		t.Errorf("%d notes, want 10", n)
	}
	db.writing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Update(ctx, func(*sql.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	<-db.writing
}

// TestProcesses lets several processes make, migrate and write one file at once.
func TestProcesses(t *testing.T) {
	path := os.Getenv("BLITZ_TEST_DATABASE")
	if path != "" { // one of them
		db, err := Open(t.Context(), path, notes[1])
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for i := range 20 {
			write(t, db, fmt.Sprintf("%d of %d", i, os.Getpid()))
		}
		return
	}
	path = filepath.Join(t.TempDir(), "store", FileName)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestProcesses$")
			cmd.Env = append(os.Environ(), "BLITZ_TEST_DATABASE="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	if got := texts(t, open(t, path, notes[1])); len(got) != 80 {
		t.Errorf("%d notes, want 80", len(got))
	}
}

// A watch sees what another connection, of this or another process, commits.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	db, other := open(t, path, notes[0]), open(t, path, notes[0])
	w, err := db.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, step := range []func(){func() {}, func() {}, func() { write(t, other, "x") }, func() {}, func() { write(t, db, "x") }, func() { texts(t, db) }} {
		step()
		changed, err := w.Changed()
		if want := i == 0 || i == 2 || i == 4; err != nil || changed != want {
			t.Errorf("step %d: changed %v, %v; want %v", i, changed, err, want)
		}
	}
	w.conn.Close() // a connection that is lost is made anew, and nothing is missed meanwhile
	for _, want := range []bool{true, false} {
		if changed, err := w.Changed(); err != nil || changed != want {
			t.Errorf("behind a lost connection: changed %v, %v; want %v", changed, err, want)
		}
	}
}

func BenchmarkChanged(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), FileName), notes[0])
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	w, err := db.Watch(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for b.Loop() {
		if _, err := w.Changed(); err != nil {
			b.Fatal(err)
		}
	}
}
