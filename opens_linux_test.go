package blitz

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestFilesAreOpenedOnce counts how often the system opens each file of a model from
// the first look at it until it is ready to answer.
func TestFilesAreOpenedOnce(t *testing.T) {
	hugging := tinyFolder(t)
	writeJSON(t, hugging, "generation_config.json", map[string]any{"eos_token_id": 1})
	single := t.TempDir()
	model, err := tiny.Load(filepath.Join("internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	if err := model.WriteGGUF(filepath.Join(single, "tiny.gguf"), tensor.F32); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{
		hugging: {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"},
		single:  {"tiny.gguf"},
	} {
		watch := watchOpens(t, folder)
		files, err := OpenFiles(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := files.Needs(nil); err != nil {
			t.Fatal(err)
		}
		m, err := files.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := files.Info(); err != nil {
			t.Error(err)
		}
		m.Close()
		files.Close()
		got := watch()
		for _, name := range want {
			if got[name] != 1 {
				t.Errorf("%s was opened %d times, want once", name, got[name])
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("further files were opened: %v", got)
		}
	}
}

// watchOpens counts the files of a folder that are opened from now on, until the
// function it returns is called.
func watchOpens(t *testing.T, folder string) func() map[string]int {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Skipf("this system does not tell what is opened: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_OPEN); err != nil {
		t.Skipf("this system does not tell what is opened: %v", err)
	}
	return func() map[string]int {
		t.Helper()
		opens := map[string]int{}
		buffer := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buffer)
			if n <= 0 || err != nil {
				return opens
			}
			for b := buffer[:n]; len(b) >= unix.SizeofInotifyEvent; {
				mask, size := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
				name := string(bytes.TrimRight(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size], "\x00"))
				if mask&unix.IN_ISDIR == 0 {
					opens[name]++
				}
				b = b[unix.SizeofInotifyEvent+size:]
			}
		}
	}
}
