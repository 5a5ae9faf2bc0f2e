// Package settings gives flags their values: those of the command line, else of the
// environment, else of the settings file, else their defaults.
package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Error is a value that a setting cannot have, or a settings file that cannot be read.
type Error struct{ err error }

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Want says what a setting wants, as the error of its Set.
type Want string

func (w Want) Error() string { return "want " + string(w) }

// BadValue returns the error of a text that a setting cannot have; name is where it came
// from, err what its Set said.
func BadValue(name, text string, err error) error {
	var want Want
	var number *strconv.NumError
	switch {
	case errors.As(err, &want):
	case errors.As(err, &number) && number.Func == "ParseBool":
		err = Want("true or false")
	case errors.As(err, &number) && errors.Is(err, strconv.ErrRange):
		err = Want("a smaller number")
	case errors.As(err, &number):
		err = Want("a number")
	}
	return &Error{fmt.Errorf("%s is %q: %w", name, text, err)}
}

// HomeKey is the one setting that is no flag: the folder of the store.
const HomeKey = "home"

// originKey is where a flag keeps what set it, if that was not the command line.
const originKey = "origin"

// Variable returns the environment variable of a flag.
func Variable(flag string) string {
	return "BLITZ_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Is says whether a flag can be set elsewhere than on the command line.
func Is(f *pflag.Flag) bool { return f.Name != "help" && f.Name != "version" }

// Apply gives the flags of a verb that the command line leaves open the values of the
// environment and of the file. The error is an Error.
func Apply(flags *pflag.FlagSet, verb string, getenv func(string) string, file *File) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if err == nil && Is(f) && !f.Changed {
			err = Set(f, verb, getenv, file)
		}
	})
	return err
}

// Set sets a flag from the environment or the file, and notes which.
func Set(f *pflag.Flag, verb string, getenv func(string) string, file *File) error {
	text, origin := getenv(Variable(f.Name)), Variable(f.Name)
	if text == "" {
		var ok bool
		var err error
		if text, origin, ok, err = file.Lookup(verb, f.Name); !ok || err != nil {
			return err
		}
	}
	if err := f.Value.Set(text); err != nil {
		return BadValue(origin, text, err)
	}
	f.Changed = true
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[originKey] = []string{origin}
	return nil
}

// The Origins of flags that no variable and no file set.
const (
	Default     = "default"
	CommandLine = "command line"
)

// Origin returns what set a flag: a variable, a file's key, CommandLine or Default.
func Origin(f *pflag.Flag) string {
	if o := f.Annotations[originKey]; len(o) > 0 {
		return o[0]
	}
	if f.Changed {
		return CommandLine
	}
	return Default
}

// WithOrigin adds to an error about one of some flags where its value came from, where
// that was not the command line.
func WithOrigin(flags *pflag.FlagSet, err error) error {
	flags.VisitAll(func(f *pflag.Flag) {
		origin := f.Annotations[originKey]
		if len(origin) > 0 && names(err.Error(), f.Name) {
			err = fmt.Errorf("%w (set by %s)", err, origin[0])
		}
	})
	return err
}

// names says whether a message is about a flag.
func names(message, flag string) bool {
	words := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" :,;=()", r) })
	return slices.Contains(words, "--"+flag)
}

// Folder returns the folder of the settings file: XDG_CONFIG_HOME/blitz, else the
// system's place for such.
func Folder(getenv func(string) string) (string, error) {
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

// Home returns the folder of the store that the environment or the file names, and which
// of them does; "" where neither does.
func Home(getenv func(string) string, file *File) (dir, origin string, err error) {
	if dir := getenv(Variable(HomeKey)); dir != "" {
		return dir, Variable(HomeKey), nil
	}
	text, origin, ok, err := file.Lookup("", HomeKey)
	if err != nil || !ok || text == "" {
		return "", "", err
	}
	if dir = fromHome(text, getenv); !filepath.IsAbs(dir) {
		return "", "", &Error{fmt.Errorf("%s is %q: want an absolute path, or one that begins with ~/", origin, text)}
	}
	return dir, origin, nil
}

// fromHome returns a path whose beginning may be ~, as the shell reads it.
func fromHome(path string, getenv func(string) string) string {
	rest, ok := strings.CutPrefix(filepath.ToSlash(path), "~/")
	if home := getenv("HOME"); ok && home != "" {
		return filepath.Join(home, filepath.FromSlash(rest))
	}
	return path
}
