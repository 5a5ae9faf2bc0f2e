package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
)

// writerVariable makes the test's program another writer of the file that it names.
const writerVariable = "BLITZ_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver has an answer and an import under way, says so, and never ends them.
func writeForEver(path string) error {
	ctx := context.Background()
	db, err := database.Open(ctx, path, Tables)
	if err != nil {
		return err
	}
	s, err := Open(ctx, db, Options{})
	if err != nil {
		return err
	}
	if _, err := s.Turn(ctx, me, "chat-0001", Turn{
		Messages: []NewMessage{{ID: "question-1", Role: User, Content: "a question"}},
		Answers:  []NewAnswer{{ID: "answer-1", Parent: "question-1"}},
	}); err != nil {
		return err
	}
	if err := s.Progress(ctx, me, "chat-0001", "answer-1", Progress{Content: "so f"}); err != nil {
		return err
	}
	var chats strings.Builder
	for i := range 3 * stageSteps {
		fmt.Fprintf(&chats, `{"id": "%d", "messages": [{"role": "user", "content": "staged"}]},`, i)
	}
	_, err = s.Import(ctx, me, io.MultiReader(strings.NewReader("["+chats.String()), &halting{}))
	return err
}

// halting says that all before was read, and never gives more.
type halting struct{}

func (*halting) Read([]byte) (int, error) {
	fmt.Println("under way")
	select {}
}

// staged counts the chats of imports that are not published.
func staged(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM chats WHERE staged <> 0`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What another process has under way goes on when a store is opened beside it, and ends
// when that process is killed.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), database.FileName)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "under way\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	s, db := openFile(t, path, newClock())
	heard := 0
	defer s.Subscribe(me, func(c Change) {
		if c.Everything {
			heard++
		}
	})()
	if err := errors.Join(s.hearOthers(t.Context()), s.endOrphans(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, list := get(t, s, "chat-0001"); list[1].Status != Running || c.Running != 1 {
		t.Errorf("while the other process lives: %+v", list[1])
	}
	before := staged(t, db)
	if before < stageSteps {
		t.Errorf("while the other process lives %d chats are staged, want at least %d", before, stageSteps)
	}
	if err := s.Finish(t.Context(), me, "chat-0001", "answer-1", End{Status: Complete}); !errors.Is(err, ErrConflict) {
		t.Errorf("the answer of another process is ended: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := errors.Join(s.endOrphans(t.Context()), s.hearOthers(t.Context())); err != nil {
		t.Fatal(err)
	}
	if c, list := get(t, s, "chat-0001"); list[1].Status != Interrupted || list[1].Content != "so f" || c.Running != 0 {
		t.Errorf("when the other process is killed: %+v", list[1])
	}
	if heard == 0 {
		t.Error("nobody hears of it")
	}
	if _, err := s.wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := staged(t, db); n != 0 {
		t.Errorf("%d chats of its import are left", n)
	}
	if got := everything(t, s); strings.Contains(got, "staged") {
		t.Errorf("its import is published: %s", got)
	}
	if files, err := os.ReadDir(path + writersFolder); err != nil || len(files) != 1 {
		t.Errorf("%d files of writers are left, %v; want that of the store alone", len(files), err)
	}
}

// Two stores of one process are two writers.
func TestTwoWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), database.FileName)
	one, _ := openFile(t, path, newClock())
	ask(t, one, "chat-0001", "", "question-1", "answer-1", "one")
	ask(t, one, "chat-0001", "", "question-2", "answer-2", "two")
	two, _ := openFile(t, path, newClock())
	status := func(step string, want ...Status) {
		t.Helper()
		if err := two.endOrphans(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, list := get(t, two, "chat-0001")
		if list[1].Status != want[0] || list[3].Status != want[1] {
			t.Errorf("%s: %s and %s, want %s", step, list[1].Status, list[3].Status, want)
		}
	}
	status("both live", Running, Running)
	if err := two.Progress(t.Context(), me, "chat-0001", "answer-1", Progress{}); !errors.Is(err, ErrConflict) {
		t.Errorf("progress of the other's answer: %v", err)
	}
	if err := one.Finish(t.Context(), me, "chat-0001", "answer-1", End{Content: "all", Status: Complete}); err != nil {
		t.Fatal(err)
	}
	status("one has ended an answer", Complete, Running)
	one.Close()
	status("one is closed", Complete, Interrupted)
	goOn := Turn{Answers: []NewAnswer{{ID: "answer-2", Continue: true}}}
	if done, err := two.Turn(t.Context(), me, "chat-0001", goOn); err != nil || len(done.Started) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	three, _ := openFile(t, path, newClock())
	if _, list := get(t, three, "chat-0001"); list[3].Status != Running {
		t.Errorf("an answer that two goes on with is %s", list[3].Status)
	}
	if err := two.Finish(t.Context(), me, "chat-0001", "answer-2", End{Content: "all", Status: Complete}); err != nil {
		t.Error(err)
	}
}

// Answers that a program of the first version left running, which had no writers, are
// interrupted.
func TestWriterOfOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), database.FileName)
	db, err := database.Open(t.Context(), path, database.Migration{Owner: Tables.Owner, Steps: Tables.Steps[:1]})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO chat_tenants VALUES (1, 'owner', 1)`,
		`INSERT INTO chats VALUES (1, 1, 'chat-0001', 0, 0, 0, '', 1, 1, 'answer-1', 'one', '', '{}')`,
		`INSERT INTO chat_messages VALUES (1, 1, 'question-1', '', 0, 0, 'user', '', 1, 'one', '', ''), (2, 1, 'answer-1', 'question-1', 0, 0, 'assistant', 'running', 1, 'so f', '', '')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	s, _ := openFile(t, path, newClock())
	if c, list := get(t, s, "chat-0001"); list[1].Status != Interrupted || list[1].Content != "so f" || c.Running != 0 {
		t.Errorf("%+v", list[1])
	}
}

// A writer whose file is swept before it is locked takes another name; what dead ones left
// is removed, and no file but theirs is touched.
func TestWriters(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "writers")
	one, err := openWriters(folder)
	if errors.Is(err, errNoLocks) {
		t.Skip("this system has no locks on files; run on Linux, macOS or Windows")
	} else if err != nil {
		t.Fatal(err)
	}
	two, err := openWriters(folder)
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(filepath.Dir(folder), "outside")
	for _, path := range []string{outside, one.path("left-by-a-dead-one")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{one.own: true, two.own: true, "left-by-a-dead-one": false, "never-there": false, "": false, "../outside": false} {
		if got, err := one.lives(name); err != nil || got != want {
			t.Errorf("%q lives: %v, %v; want %v", name, got, err, want)
		}
	}
	two.close()
	if alive, err := one.lives(two.own); err != nil || alive {
		t.Errorf("one that is closed lives: %v, %v", alive, err)
	}
	if err := os.WriteFile(one.path("another-dead-one"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := one.sweep(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 || files[0].Name() != one.own {
		t.Errorf("behind a sweep: %v, %v", files, err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
	if err := os.Remove(one.path(one.own)); err != nil {
		t.Fatal(err)
	}
	if one.isThere() {
		t.Error("a file that was removed is there")
	}
	one.close()
}
