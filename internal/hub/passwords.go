package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/registry"
)

// keeper is a program that keeps passwords, as Docker's credential file names it: NAME of
// docker-credential-NAME. It reads the name of a registry and writes JSON, as the
// repository docker-credential-helpers describes it.
type keeper string

// Bounds of a keeper: it may have to ask its user, and answers a few lines.
const (
	keeperTime  = time.Minute
	keeperBytes = 64 << 10
)

// errNotKept says that a keeper has no password for a registry.
var errNotKept = errors.New("it has none for this registry")

func (k keeper) program() string { return "docker-credential-" + string(k) }

// login asks for the name and password for a registry. Errors say what the program said;
// errNotKept is one of them.
func (k keeper) login(ctx context.Context, host string) (registry.Login, error) {
	if strings.ContainsFunc(string(k), func(c rune) bool { return !plainOfName(c) }) {
		return registry.Login{}, errors.New("that is no name of a program")
	}
	path, err := exec.LookPath(k.program())
	if err != nil {
		return registry.Login{}, errors.New("it is not on this machine")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, keeperTime, fmt.Errorf("it gave no answer in %v", keeperTime))
	defer cancel()
	said := &limited{most: keeperBytes}
	c := exec.CommandContext(ctx, path, "get")
	c.Stdin, c.Stdout = strings.NewReader(registry.KeptAs(host)+"\n"), said
	c.WaitDelay = time.Second
	switch err := c.Run(); {
	case ctx.Err() != nil:
		return registry.Login{}, context.Cause(ctx)
	case strings.Contains(said.text.String(), "credentials not found"):
		return registry.Login{}, errNotKept
	case err != nil:
		return registry.Login{}, fmt.Errorf("%w: %s", err, printable(clip(strings.TrimSpace(said.text.String()))))
	}
	return readKept(said.text.Bytes())
}

// readKept reads what a keeper says.
func readKept(text []byte) (registry.Login, error) {
	var kept struct{ Username, Secret string }
	if err := json.Unmarshal(text, &kept); err != nil { // the text may hold a secret: it is not quoted
		return registry.Login{}, fmt.Errorf("its answer of %d bytes is not JSON: %w", len(text), ErrFormat)
	}
	switch {
	case kept.Username == "<token>":
		return registry.Login{}, errors.New("it keeps an identity token, want a user and password")
	case kept.Username == "" || kept.Secret == "":
		return registry.Login{}, errNotKept
	}
	return registry.Login{User: kept.Username, Password: kept.Secret}, nil
}

// plainOfName says whether a letter may stand in the name of a keeper, which is part of the
// name of a program.
func plainOfName(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// limited keeps what is written to it up to a bound, and refuses more.
type limited struct {
	text bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.text.Len()+len(p) > l.most {
		return 0, fmt.Errorf("more than %d bytes", l.most)
	}
	return l.text.Write(p)
}
