package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// thinkWord is what --think takes for its value where it stands alone behind it: a
// value, or a word that other programs have as one, which is refused with what is
// wanted. Anything else is the prompt.
var thinkWord = regexp.MustCompile(`^(?i:on|off|true|false|yes|no|none|auto|low|medium|high|max|min|\d[\d_.,]*k?)$`)

// joinAlone joins a value that stands alone behind --think to it: the flag may stand
// without a value, so that the parser of flags would take the word for the prompt.
func joinAlone(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.Flags().Lookup("think") == nil {
		return args
	}
	joined := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		joined = append(joined, arg)
		switch {
		case arg == "--":
			return append(joined, args[i+1:]...)
		case i+1 == len(args):
		case arg == "--think" && thinkWord.MatchString(args[i+1]):
			i++
			joined[len(joined)-1] = arg + "=" + args[i]
		case takesNext(cmd, arg):
			i++
			joined = append(joined, args[i])
		}
	}
	return joined
}

// takesNext says whether a word is a flag whose value is the next word.
func takesNext(cmd *cobra.Command, arg string) bool {
	var f *pflag.Flag
	switch name, long := strings.CutPrefix(arg, "--"); {
	case strings.Contains(arg, "="), !strings.HasPrefix(arg, "-"), arg == "-":
		return false
	case long:
		f = cmd.Flag(name)
	case len(arg) == 2:
		f = cmd.Flags().ShorthandLookup(arg[1:])
	}
	return f != nil && f.NoOptDefVal == ""
}
