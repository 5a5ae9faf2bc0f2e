package course

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBoard writes lines of any fields, and begins anew with what journals have: the same records.
func TestBoard(t *testing.T) {
	now := func() time.Time { return time.Unix(5, 0) }
	folder := t.TempDir()
	metrics := []string{
		`{"stage":"grpo","step":7,"reward":0.5,"logp_diff":0,"rewards":[{"name":"format","mean":0.25}],"name":"no number"}`,
		`{"step":8,"split":"test","pass":{"1":{"value":0.75,"stderr":null}}}`,
	}
	samples := slices.Repeat([]string{`{"step":7,"problem":"3 5 7 = 22","completion":"wait"}`}, boardTexts+3)
	open := func(journals ...string) []byte {
		b, err := OpenBoard(folder, now, journals...)
		if err != nil {
			t.Fatal(err)
		}
		if len(journals) == 0 {
			for _, line := range slices.Concat(metrics, samples) {
				if err := b.line([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, eventsName))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	direct := open()
	for name, lines := range map[string][]string{"metrics.jsonl": metrics, "samples.jsonl": samples} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	again := open("metrics.jsonl", "none.jsonl", "samples.jsonl")
	if string(direct) != string(again) {
		t.Errorf("of journals come other records: %q, want %q", again, direct)
	}
	for _, tag := range []string{"grpo/reward", "grpo/logp_diff", "grpo/rewards/format/mean", "test/pass/1/value", "answers/3"} {
		if !strings.Contains(string(direct), tag) {
			t.Errorf("%s is not there", tag)
		}
	}
	for _, tag := range []string{"grpo/name", "stderr", "answers/4", "grpo/step"} {
		if strings.Contains(string(direct), tag) {
			t.Errorf("%s is there", tag)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "metrics.jsonl"), []byte("{\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBoard(folder, now, "metrics.jsonl"); err == nil || !strings.Contains(err.Error(), "metrics.jsonl") {
		t.Errorf("a damaged journal: got %v", err)
	}
}
