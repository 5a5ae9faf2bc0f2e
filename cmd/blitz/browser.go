package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// openBrowser has the system show an address in its browser, and returns when that was
// passed on.
func openBrowser(address string, getenv func(string) string) error {
	name, args, err := browserCommand(runtime.GOOS, getenv)
	if err != nil {
		return err
	}
	said, err := exec.Command(name, append(args, address)...).CombinedOutput()
	if err != nil {
		if line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n"); line != "" {
			return fmt.Errorf("%s: %w: %s", name, err, line)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// browserCommand returns the program that shows an address, which stands behind its
// arguments.
func browserCommand(system string, getenv func(string) string) (name string, args []string, err error) {
	switch system {
	case "darwin":
		return "open", nil, nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}, nil
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return "", nil, errors.New("there is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set")
	}
	return "xdg-open", nil, nil
}

// showPage opens the page where that is wanted, and says so where it cannot be.
func (f *serveFlags) showPage(address string) {
	if !f.open {
		return
	}
	if err := openBrowser(address, os.Getenv); err != nil {
		fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: no browser could be opened (%v); the page is at %s\n", err, address)
	}
}
