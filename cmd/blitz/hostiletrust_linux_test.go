package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostile is a command on hostile files, how it has to end, and what the refusal names.
type hostile struct {
	name   string
	args   []string
	reason string
	says   string
}

// Bounds of what a hostile file may take: memory in bytes as the system counts it, the
// program's own included, and time of the processor.
const (
	hostileMemory = 512 << 20
	hostileTime   = 3 * time.Second
)

// TestHostileTrust: verify, digest, sign, log and settle refuse hostile files with exit code
// 4, the reason of docs/TRUST.md and the name of the file, in bounded memory and time.
func TestHostileTrust(t *testing.T) {
	c := newComputer(t, false)
	c.blitz(0, "keygen", "r.pem")
	c.blitz(0, "keygen", "m.pem", "--type", "p256")
	file := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(c.at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, c.at(name), []byte(text))
	}
	long := func(name, begin string, size int64) { // a file of zeros that takes no room
		t.Helper()
		file(name, begin)
		if err := os.Truncate(c.at(name), size); err != nil {
			t.Fatal(err)
		}
	}
	var all []hostile

	// Texts that are receipts, receipts of usage and signatures of models at once.
	texts := map[string]string{
		"nested.json":    `{"format":` + strings.Repeat("[", 1<<20),
		"objects.json":   strings.Repeat(`{"a":`, 1<<19),
		"twice.json":     `{"format":"blitz-receipt/1","format":"blitz-receipt/1"}`,
		"escaped.json":   `{"a":1,"\u0061":2}`,
		"nan.json":       `{"format":NaN}`,
		"infinity.json":  `{"format":1e999}`,
		"surrogate.json": `{"format":"\ud800"}`,
		"utf8.json":      "{\"format\":\"\xff\"}",
		"mark.json":      "\ufeff{}",
		"behind.json":    `{} {}`,
		"values.json":    `{"a":[` + strings.Repeat("[],", 1<<20) + `0]}`,
		"digits.json":    `{"a":` + strings.Repeat("9", 1<<21) + `}`,
		"zeros.json":     `{"a":1` + strings.Repeat("0", 1<<21) + `e-2097152}`,
		"empty.json":     ``,
		"open.json":      `{"a":"` + strings.Repeat("x", 1<<21),
	}
	for name, text := range texts {
		file(name, text)
	}
	long("huge.json", "{", 1<<40)
	texts["huge.json"] = ""
	if err := os.Symlink("/dev/zero", c.at("device.json")); err != nil {
		t.Fatal(err)
	}
	texts["device.json"] = ""
	if err := writeTinyFolder(c.at("model")); err != nil {
		t.Fatal(err)
	}
	for name := range texts {
		all = append(
			all,
			hostile{"receipt", []string{"verify", name, "--key", "r.pem.pub", "--json"}, "form", name},
			hostile{"shown", []string{"receipt", "show", name}, "form", name},
			hostile{"usage", []string{"settle", "net", name, "--key", "r.pem.pub", "--month", "2026-11", "--json"}, "form", name},
			hostile{"opening", []string{"settle", "make", name, "--key", "r.pem", "--consumer", "r.pem.pub", "--currency", "EUR", "--amount", "1", "--out", "u.json"}, "form", name},
			hostile{"signature", []string{"verify", "model", "--signature", name, "--key", "m.pem.pub", "--json"}, "form", name},
		)
	}
	all = append(
		all,
		hostile{"a receipt's key", []string{"verify", "twice.json", "--key", "huge.json"}, "form", "huge.json"},
		hostile{"a model's key", []string{"sign", "./model", "--key", "huge.json"}, "form", "huge.json"},
		hostile{"a key of another kind", []string{"sign", "./model", "--key", "r.pem"}, "algorithm", "r.pem"},
		hostile{"authorities", []string{"verify", "model", "--signature", "twice.json", "--ca", "huge.json"}, "form", "huge.json"},
	)

	// The largest signatures of models. They are written in parts: what this process has taken
	// counts for those that it starts.
	const much = 63 << 20
	large := func(name, begin string, part func(i int) string, end string) {
		t.Helper()
		f, err := os.Create(c.at(name))
		c.must(err)
		w := bufio.NewWriter(f)
		n, err := w.WriteString(begin)
		for i := 0; n < much && err == nil; i++ {
			var more int
			more, err = w.WriteString(part(i))
			n += more
		}
		_, last := w.WriteString(end)
		c.must(errors.Join(err, last, w.Flush(), f.Close()))
	}
	same := func(text string) func(int) string { return func(int) string { return text } }
	large("many.sig", `{"a":[`, same("0,"), "0]}")
	large("lists.sig", `{"a":[`, same("[],"), "0]}")
	large("depths.sig", `{"a":[`, same(strings.Repeat("[", 29)+strings.Repeat("]", 29)+","), "0]}")
	large("objects.sig", `{"a":[`, same(`{"a":0,"b":0},`), "0]}")
	large("names.sig", "{", func(i int) string { return fmt.Sprintf(`"%07x":0,`, i) }, `"x":0}`)
	large("payload.sig", `{"mediaType":"x","verificationMaterial":{},"dsseEnvelope":{"payload":"`, same("AAAA"), `","payloadType":"","signatures":[]}}`)
	for _, name := range []string{"many.sig", "lists.sig", "depths.sig", "objects.sig", "names.sig", "payload.sig"} {
		all = append(all, hostile{"a large signature", []string{"verify", "model", "--signature", name, "--key", "m.pem.pub"}, "form", name})
	}

	// Models.
	bad := func(name string, make func(folder string) error) {
		t.Helper()
		file(name+"/config.json", "{}")
		if err := make(c.at(name)); err != nil {
			t.Fatal(err)
		}
	}
	bad("linked", func(at string) error { return os.Symlink("/etc/passwd", filepath.Join(at, "w.gguf")) })
	bad("looped", func(at string) error { return os.Symlink("..", filepath.Join(at, "again")) })
	bad("piped", func(at string) error { return syscall.Mkfifo(filepath.Join(at, "w.gguf"), 0o600) })
	bad("spelled", func(at string) error { return os.WriteFile(filepath.Join(at, "w\xff.gguf"), nil, 0o600) })
	if err := syscall.Mkfifo(c.at("pipe.gguf"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.at("nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, x := range [][3]string{
		{"./linked", "link", "w.gguf"},
		{"./looped", "link", "again"},
		{"./piped", "link", "w.gguf"},
		{"./spelled", "path", `w\xff.gguf`},
		{"./pipe.gguf", "link", "pipe.gguf"},
		{"./nothing", "missing", "nothing"},
	} {
		all = append(
			all,
			hostile{"digest", []string{"digest", x[0], "--json"}, x[1], x[2]},
			hostile{"sign", []string{"sign", x[0], "--key", "m.pem", "--json"}, x[1], x[2]},
		)
	}
	for _, ignored := range []string{"../x", "/x", "*.md", "a/../b", ""} {
		all = append(all, hostile{"ignored", []string{"sign", "./model", "--key", "m.pem", "--ignore", ignored}, "path", ignored})
	}
	all = append(all, c.hostileLogs(file, long)...)
	for _, h := range all {
		c.refuses(h)
	}
}

// hostileLogs makes logs that are damaged, and says how they are to be refused.
func (c *computer) hostileLogs(file func(name, text string), long func(name, begin string, size int64)) (all []hostile) {
	c.t.Helper()
	c.blitz(0, "keygen", "log.pem")
	out, _ := c.blitz(0, "log", "init", "whole", "--origin", "example.org/log", "--key", "log.pem", "--json")
	var log struct{ VKey string }
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		c.t.Fatal(err)
	}
	c.told = strings.Repeat("\"aGk=\"\n", 300)
	c.blitz(0, "log", "add", "whole", "--jsonl")
	c.told = ""
	for _, x := range []struct {
		name, reason, says string
		damage             func(at string)
	}{
		{"hugenote", "form", "checkpoint", func(at string) { long(at+"/checkpoint", "example.org/log\n", 1<<40) }},
		{"noorigin", "log", "checkpoint", func(at string) { file(at+"/checkpoint", "\n\n\n\n") }},
		{"longsize", "log", "checkpoint", func(at string) { file(at+"/checkpoint", "example.org/log\n"+strings.Repeat("9", 1<<19)+"\nAA==\n\n") }},
		{"notile", "missing", "tile/0/000", func(at string) { c.must(os.Remove(c.at(at + "/tile/0/000"))) }},
		{"hugetile", "form", "tile/0/000", func(at string) { long(at+"/tile/0/000", "x", 1<<40) }},
		{"shorttile", "form", "tile/0/000", func(at string) { file(at+"/tile/0/000", "x") }},
		{"pipetile", "form", "tile/0/000", func(at string) {
			c.must(os.Remove(c.at(at + "/tile/0/000")))
			c.must(syscall.Mkfifo(c.at(at+"/tile/0/000"), 0o600))
		}},
		{"devicetile", "form", "tile/0/000", func(at string) {
			c.must(os.Remove(c.at(at + "/tile/0/000")))
			c.must(os.Symlink("/dev/zero", c.at(at+"/tile/0/000")))
		}},
		{"foldertile", "form", "tile/0/000", func(at string) {
			c.must(os.Remove(c.at(at + "/tile/0/000")))
			c.must(os.Mkdir(c.at(at+"/tile/0/000"), 0o755))
		}},
		{"lostlink", "missing", "tile/entries/001.p/44", func(at string) {
			c.must(os.Remove(c.at(at + "/tile/entries/001.p/44")))
			c.must(os.Symlink("nowhere", c.at(at+"/tile/entries/001.p/44")))
		}},
		{"emptyleaves", "form", "tile/entries/000", func(at string) { file(at+"/tile/entries/000", strings.Repeat("\x00", 16<<20)) }},
		{"cutleaf", "form", "tile/entries/000", func(at string) { file(at+"/tile/entries/000", "\xff\xffx") }},
		{"otherleaf", "digest", "tile/0/000", func(at string) { file(at+"/tile/entries/000", strings.Repeat("\x00\x02ho", 256)) }},
	} {
		c.must(os.CopyFS(c.at(x.name), os.DirFS(c.at("whole"))))
		x.damage(x.name)
		all = append(all, hostile{x.name, []string{"log", "check", x.name, "--key", log.VKey, "--json"}, x.reason, x.says})
	}
	file("old.txt", "example.org/log\n400\n")
	long("hugeold.txt", "example.org/log\n", 1<<40)
	return append(
		all,
		hostile{"an older checkpoint that is none", []string{"log", "check", "whole", "--key", log.VKey, "--since", "old.txt"}, "log", "older checkpoint"},
		hostile{"a huge older checkpoint", []string{"log", "check", "whole", "--key", log.VKey, "--since", "hugeold.txt"}, "form", "hugeold.txt"},
		hostile{"another key", []string{"log", "check", "whole", "--key", strings.Repeat("9", 1<<16)}, "log", "want NAME+HASH+KEY"},
	)
}

func (c *computer) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// refuses runs a command that has to be refused.
func (c *computer) refuses(h hostile) {
	c.t.Helper()
	out, said := c.blitz(4, h.args...)
	if want := "blitz: error: " + h.reason + ": "; !strings.HasPrefix(said, want) || !strings.Contains(said, h.says) {
		c.t.Errorf("%s: %.100q: %.300q, want %q and %q", h.name, h.args, said, want, h.says)
	}
	if h.args[len(h.args)-1] == "--json" {
		var r refused
		if err := json.Unmarshal([]byte(out), &r); err != nil || r.OK || string(r.Reason) != h.reason || !strings.Contains(r.Detail, h.says) {
			c.t.Errorf("%s: %.100q: JSON %.300q, %v, want %q and %q", h.name, h.args, out, err, h.reason, h.says)
		}
	}
	c.t.Logf("%s: %v, %d MiB", h.name, c.used.Took, c.used.Memory>>20)
	if c.used.Took > hostileTime || c.used.Memory > hostileMemory {
		c.t.Errorf("%s: %.100q: took %v of a processor and %d MiB, want at most %v and %d MiB", h.name, h.args, c.used.Took, c.used.Memory>>20, hostileTime, hostileMemory>>20)
	}
}
