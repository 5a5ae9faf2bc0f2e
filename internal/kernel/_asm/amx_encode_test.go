package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// encoded has instructions as the GNU assembler 2.40 encodes and writes them.
var encoded = []struct {
	instruction
	want string // bytes
	gnu  string
}{
	{tileLoad(rows{0, "DI", "R9", 1}, 4), "c4a27b4b240f", "tileloadd (%rdi,%r9,1),%tmm4"},
	{tileLoad(rows{16, "DI", "R9", 1}, 4), "c4a27b4b640f10", "tileloadd 0x10(%rdi,%r9,1),%tmm4"},
	{tileLoad(rows{-64, "R8", "", 0}, 3), "c4c27b4b5c20c0", "tileloadd -0x40(%r8,%riz,1),%tmm3"},
	{tileStream(rows{512, "SI", "R9", 2}, 5), "c4a2794bac4e00020000", "tileloaddt1 0x200(%rsi,%r9,2),%tmm5"},
	{tileStore(2, rows{2048, "R8", "R9", 2}), "c4827a4b944800080000", "tilestored %tmm2,0x800(%r8,%r9,2)"},
	{tileZero(7), "c4e27b49f8", "tilezero %tmm7"},
	{tileDot(5, 4, 1), "c4e2535ecc", "tdpbssd %tmm5,%tmm4,%tmm1"},
	{tileConfig("R8"), "c4c2784900", "ldtilecfg (%r8)"},
	{tileConfig("AX"), "c4e2784900", "ldtilecfg (%rax)"},
	{tileRelease(), "c4e27849c0", "tilerelease"},
	{prefetchWrite("R14"), "410f0d0e", "prefetchw (%r14)"},
}

func TestEncodings(t *testing.T) {
	for _, e := range encoded {
		if got := hex.EncodeToString(e.code); got != e.want {
			t.Errorf("%s: got bytes %s, want %s", e.text, got, e.want)
		}
	}
}

// A disassembler reads the bytes as what they are meant to be.
func TestDisassembly(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("no objdump; it is part of GNU binutils")
	}
	var code []byte
	for _, e := range encoded {
		code = append(code, e.code...)
	}
	file := t.TempDir() + "/code"
	if err := os.WriteFile(file, code, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn", file).Output()
	if err != nil {
		t.Fatalf("objdump: %v", err)
	}
	if !bytes.Contains(out, []byte("tilerelease")) {
		t.Skip("this objdump does not know AMX; that of binutils 2.35 does")
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, e := range encoded {
		if !strings.Contains(text, e.gnu) {
			t.Errorf("%s: objdump does not read %q in\n%s", e.text, e.gnu, out)
		}
	}
}

// Every way out of a routine that sets tiles up releases them: what the system saves and
// what it delivers signals with must not find any.
func TestReleases(t *testing.T) {
	g := newFile(amx, "")
	amxRoutines(g)
	g.amxPeak()
	configured, out := false, 0
	lines := strings.Split(g.out.String(), "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "TEXT"):
			configured = false
		case strings.Contains(line, "LDTILECFG"):
			configured = true
		case strings.TrimSpace(line) == "RET" && configured:
			out++
			if !strings.Contains(lines[i-2], "TILERELEASE") || !strings.Contains(lines[i-1], "VZEROUPPER") {
				t.Errorf("line %d returns behind %q and %q", i+1, lines[i-2], lines[i-1])
			}
		}
	}
	if out != 3 {
		t.Errorf("got %d routines with tiles, want 3", out)
	}
}
