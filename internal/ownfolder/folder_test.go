package ownfolder

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestMake(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Make(folder); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Mode().Perm(); runtime.GOOS != "windows" && got != 0o700 {
		t.Errorf("the folder has the rights %o, want 700", got)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Make(file); err == nil {
		t.Error("a file in its place: no error")
	}
}
