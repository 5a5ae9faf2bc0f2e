package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// keeps puts a program docker-credential-test on the path, whose commands are given, and
// has the credential file name it.
func keeps(t *testing.T, s *Store, commands string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program that keeps passwords here is a script of sh; run on Linux or macOS")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "docker-credential-test"), []byte("#!/bin/sh\n"+commands), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	write(t, filepath.Join(s.Settings.DockerConfig, "config.json"), []byte(`{"credsStore":"test"}`))
}

func TestPullOCIKeeper(t *testing.T) {
	f := newFakeRegistry(t)
	f.publish("m", "latest", dockerConfig, `{"config":{"format":"gguf"}}`, layer{kind: dockerLayer + "gguf.v3", data: tinyGGUF(t, 5, 16)})
	const none = "echo credentials not found in native keychain; exit 1"
	kept := func(password string) string {
		return fmt.Sprintf(`[ "$1" = get ] || exit 2
read host
[ "$host" = %s ] || { %s; }
echo '{"ServerURL":"x","Username":"%s","Secret":"%s"}'`, f.host(), none, fakeUser, password)
	}
	for name, c := range map[string]struct {
		auth, commands string
		want           error
		says           string
	}{
		"a password":                 {auth: "basic", commands: kept(fakePassword)},
		"a token for a user":         {auth: "user", commands: kept(fakePassword)},
		"a wrong password":           {auth: "basic", commands: kept("wrong"), want: ErrDenied},
		"none kept":                  {auth: "user", commands: none, want: ErrDenied, says: "docker-credential-test: it has none for this registry"},
		"none kept and none needed":  {auth: "token", commands: none},
		"it fails and is not needed": {auth: "token", commands: "exit 3"},
		"it fails":                   {auth: "basic", commands: "echo locked; exit 3", want: ErrDenied, says: "locked"},
		"not JSON":                   {auth: "basic", commands: "echo " + fakePassword, want: ErrDenied, says: "is not JSON"},
		"an identity token":          {auth: "basic", commands: `echo '{"Username":"<token>","Secret":"s"}'`, want: ErrDenied, says: "identity token"},
		"without end":                {auth: "basic", commands: "yes", want: ErrDenied, says: "docker-credential-test"},
	} {
		t.Run(name, func(t *testing.T) {
			s := f.storeFor(t)
			keeps(t, s, c.commands)
			f.auth = c.auth
			_, _, err := pullFrom(t, s, "oci://"+f.host()+"/m")
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%v, want %v", err, c.want)
			}
			if text := fmt.Sprint(err); !strings.Contains(text, c.says) || strings.Contains(text, fakePassword) {
				t.Errorf("%s, want %q and no secret", text, c.says)
			}
		})
	}
}

func TestKeeperNames(t *testing.T) {
	for _, name := range []string{"../evil", "a b", "a;b", `a\b`, "é", "nosuch-keeper"} {
		if l, err := keeper(name).login(context.Background(), "a.example"); err == nil {
			t.Errorf("%q: %v", name, l)
		}
	}
}
