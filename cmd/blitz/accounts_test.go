package main

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
)

// What is done to models is in the audit, where there are records; where there are none,
// none are made.
func TestAuditOfModels(t *testing.T) {
	t.Setenv("BLITZ_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := writeTinyGGUF(file); err != nil {
		t.Fatal(err)
	}
	blitz := func(args ...string) {
		t.Helper()
		root := newRoot()
		root.SetArgs(args)
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	}
	blitz("import", file, "before")
	if there, err := hasAccounts(); there || err != nil {
		t.Fatalf("records were made: %v, %v", there, err)
	}
	blitz("keys", "create", "ann")
	blitz("import", file, "tiny")
	blitz("cp", "tiny", "small")
	blitz("rm", "tiny")
	var got []string
	err := withAccounts(t.Context(), func(ctx context.Context, a *account.Accounts) error {
		list, err := a.Entries(ctx, 0, 10)
		for _, e := range list {
			got = append(got, e.Actor+" "+e.Action+" "+e.Subject)
		}
		return err
	})
	want := []string{"owner model.delete tiny:latest", "owner model.copy small:latest", "owner model.import tiny:latest"}
	if err != nil || len(got) != 4 || !slices.Equal(got[:3], want) {
		t.Errorf("%q, %v; want %q and the key", got, err, want)
	}
}
