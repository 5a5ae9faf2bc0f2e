package audit

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/transparency"
)

// signedAt is when a witness of a test signs.
var signedAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// killVariable names, to a process of this test, the log that it appends to until it is
// killed.
const killVariable = "BLITZ_TEST_KILLED_LOG"

// TestMain appends where a test wants a process to kill.
func TestMain(m *testing.M) {
	dir := os.Getenv(killVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := appendForEver(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// appendForEver appends leaves from several goroutines, and prints each with its index once
// that was told.
func appendForEver(dir string) error {
	w, err := Open(context.Background(), dir)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i := range 8 {
		go func() {
			for n := 0; ; n++ {
				leaf := fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n)
				index, err := w.Append([]byte(leaf))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d %s\n", index, leaf)
			}
		}()
	}
	return <-failed
}

// TestKills kills a process that appends, again and again: no leaf that was acknowledged is
// lost, none stands elsewhere, and the log goes on from every checkpoint that was seen.
//
//	TRUST_KILLS=200 go test ./internal/audit -run Kills -v
func TestKills(t *testing.T) {
	kills := asked(t, "TRUST_KILLS", 4)
	if os.Getenv("TRUST_KILLS") == "" && testing.Short() {
		kills = 2
	}
	dir, _, trust := newLog(t)
	acknowledged := map[int64]string{}
	rng := rand.New(rand.NewPCG(7, uint64(kills)))
	var since []byte
	for range kills {
		for index, leaf := range killed(t, dir, 1+rng.IntN(150)) {
			if was, ok := acknowledged[index]; ok {
				t.Fatalf("leaf %d was %s, and is acknowledged anew as %s", index, was, leaf)
			}
			acknowledged[index] = leaf
		}
		if _, err := Check(t.Context(), dir, trust, since); err != nil {
			t.Fatal(err)
		}
		var err error
		if since, err = ReadCheckpoint(dir); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range acknowledged {
		got, err := r.Leaf(index)
		if err != nil || string(got) != want {
			t.Fatalf("leaf %d is %q, %v; %q was acknowledged", index, got, err, want)
		}
		p, err := r.Prove(index)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Check(&transparency.Trust{Logs: trust.Logs}, got); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d leaves acknowledged, %d in the log", kills, len(acknowledged), r.Size)
}

// killed has a process append to a log, kills it when so many leaves were acknowledged, and
// returns all that were.
func killed(t *testing.T, dir string, after int) map[int64]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := map[int64]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		number, leaf, ok := strings.Cut(lines.Text(), " ")
		index, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil { // cut by the kill
			break
		}
		told[index] = leaf
		if len(told) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return told
}
