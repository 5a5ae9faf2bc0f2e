// Package socket is where the programs of one user on one machine find each other: a
// Unix socket in the user's runtime folder, for each store one. Nobody else can open it,
// so who comes by it is the user.
package socket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ErrTaken is a socket on which another program listens.
var ErrTaken = errors.New("another server of this store is running")

// maxPath is the longest path of a socket on all systems.
const maxPath = 100

// Path returns the path of the socket that belongs to a store: in XDG_RUNTIME_DIR, else
// in a folder of the user's own beside the system's temporary files.
func Path(home string, getenv func(string) string) (string, error) {
	if whole, err := filepath.Abs(home); err == nil {
		home = whole
	}
	if real, err := filepath.EvalSymlinks(home); err == nil {
		home = real
	}
	sum := sha256.Sum256([]byte(home))
	name := "serve-" + hex.EncodeToString(sum[:6]) + ".sock"
	for _, folder := range []string{runtimeFolder(getenv), ownFolder(os.TempDir()), ownFolder("/tmp")} {
		if folder == "" {
			continue
		}
		if path := filepath.Join(folder, name); len(path) <= maxPath {
			return path, nil
		}
	}
	return "", errors.New("socket: no folder with a path short enough; XDG_RUNTIME_DIR names one")
}

func runtimeFolder(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "blitz")
	}
	return ""
}

// Listen listens on a socket, which nobody but this user can open. What a program left
// that was killed is taken over. The error wraps ErrTaken where one listens there.
func Listen(path string) (net.Listener, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := checkOwn(folder); err != nil {
		return nil, err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("socket: %s: %w", path, ErrTaken)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the folder keeps others out meanwhile
		l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// Client returns a client of the server that listens on a socket, whatever host its
// addresses name; nil: there is none.
func Client(path string) *http.Client {
	if checkOwn(filepath.Dir(path)) != nil {
		return nil
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return nil
	}
	c.Close()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}
