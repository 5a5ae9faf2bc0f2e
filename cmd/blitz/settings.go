package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A setting is the value of a flag. It comes from the command line, else from the
// environment, else from the settings file, else it is the default.

// originKey is where a flag keeps what set it, if that was not the command line.
const originKey = "origin"

// homeKey is the one setting that is no flag: the folder of the store.
const homeKey = "home"

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "BLITZ_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isSetting says whether a flag can be set elsewhere than on the command line.
func isSetting(f *pflag.Flag) bool { return f.Name != "help" && f.Name != "version" }

// verbOf returns the name of the verb that a command is, or is part of.
func verbOf(cmd *cobra.Command) string {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return cmd.Name()
}

// applySettings gives the flags that the command line leaves open the values of the
// environment and the settings file. Keys of the file that no verb knows get a
// warning.
func applySettings(cmd *cobra.Command) error {
	if isCompletion(cmd) {
		return nil
	}
	file, err := openSettings(os.Getenv)
	if err != nil {
		return err
	}
	file.warn(cmd)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err == nil && isSetting(f) && !f.Changed {
			err = setFlag(f, verbOf(cmd), os.Getenv, file)
		}
	})
	return err
}

// isCompletion says whether a command is run by a shell that completes a line, which
// is no place for messages.
func isCompletion(cmd *cobra.Command) bool {
	return cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd
}

// setFlag sets a flag from the environment or the file, and notes which.
func setFlag(f *pflag.Flag, verb string, getenv func(string) string, file *settingsFile) error {
	text, origin := getenv(variable(f.Name)), variable(f.Name)
	if text == "" {
		var ok bool
		var err error
		if text, origin, ok, err = file.lookup(verb, f.Name); !ok || err != nil {
			return err
		}
	}
	if err := f.Value.Set(text); err != nil {
		return valueError(origin, text, err)
	}
	f.Changed = true
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[originKey] = []string{origin}
	return nil
}

// originOf returns what set a flag: a variable, a file's key, "command line", or
// "default".
func originOf(f *pflag.Flag) string {
	if o := f.Annotations[originKey]; len(o) > 0 {
		return o[0]
	}
	if f.Changed {
		return "command line"
	}
	return "default"
}

// withOrigin adds to an error about a flag where its value came from, where that was
// not the command line.
func withOrigin(cmd *cobra.Command, err error) error {
	var usage usageError
	if cmd == nil || !errors.As(err, &usage) {
		return err
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		origin := f.Annotations[originKey]
		if len(origin) > 0 && namesFlag(err.Error(), f.Name) {
			err = fmt.Errorf("%w (set by %s)", err, origin[0])
		}
	})
	return err
}

// namesFlag says whether a message is about a flag.
func namesFlag(message, flag string) bool {
	for _, word := range strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" :,;=()", r) }) {
		if word == "--"+flag {
			return true
		}
	}
	return false
}

// configFolder returns the folder of the settings file: XDG_CONFIG_HOME/blitz, else
// the system's place for such.
func configFolder(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "blitz"), nil
	}
	if dir := getenv("APPDATA"); filepath.IsAbs(dir) && os.PathSeparator == '\\' {
		return filepath.Join(dir, "blitz"), nil
	}
	if dir := getenv("HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, ".config", "blitz"), nil
	}
	return "", errors.New("no home folder: set XDG_CONFIG_HOME or HOME")
}
