package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// Words that people bring along from other programs, and what says the same here.

// otherVerbs are verbs of other programs.
var otherVerbs = map[string]string{
	"server":     "blitz serve is the server",
	"create":     "blitz import PATH NAME takes a model from the disk; --system and [run] in config.toml hold what a Modelfile says",
	"push":       "nothing is uploaded: a stored model is a file, which blitz show NAME tells the path of",
	"chat":       "blitz run MODEL without a prompt is a chat",
	"cli":        "blitz run MODEL without a prompt is a chat",
	"ask":        "blitz run MODEL PROMPT answers once",
	"prompt":     "blitz run MODEL PROMPT answers once",
	"complete":   "blitz run MODEL PROMPT answers once",
	"generate":   "blitz run MODEL PROMPT answers once",
	"install":    "blitz pull SOURCE fetches a model",
	"download":   "blitz pull SOURCE fetches a model",
	"get":        "blitz pull SOURCE fetches a model",
	"update":     "blitz pull NAME fetches a stored model anew",
	"add":        "blitz import PATH NAME takes a model from the disk, blitz pull SOURCE fetches one",
	"remove":     "blitz rm NAME removes a model from the store",
	"delete":     "blitz rm NAME removes a model from the store",
	"uninstall":  "blitz rm NAME removes a model from the store",
	"copy":       "blitz cp NAME NEW gives a stored model a further name",
	"models":     "blitz list shows what is stored",
	"info":       "blitz show MODEL shows what is in a model",
	"inspect":    "blitz show MODEL shows what is in a model",
	"benchmark":  "blitz bench MODEL measures",
	"test":       "blitz selftest checks the arithmetic on this machine",
	"quantize":   "this build writes no models",
	"convert":    "this build writes no models; it reads Hugging Face folders as they are",
	"settings":   "blitz config shows every setting",
	"tokenise":   "blitz tokenize MODEL TEXT",
	"detokenise": "blitz detokenize MODEL ID…",
}

// otherFlags are flags of other programs, without dashes and with dashes for
// underscores. What begins with -- is a flag, which is offered where a verb has it.
var otherFlags = map[string]string{
	"temperature": "--temp", "num-ctx": "--ctx", "ctx-size": "--ctx", "n-ctx": "--ctx", "context": "--ctx", "context-length": "--ctx",
	"context-size": "--ctx", "max-model-len": "--ctx", "max-context": "--ctx", "c": "--ctx",
	"n-predict": "--max-tokens", "predict": "--max-tokens", "num-predict": "--max-tokens", "max-new-tokens": "--max-tokens",
	"max-length": "--max-tokens", "max-completion-tokens": "--max-tokens", "N": "--max-tokens",
	"no-think": "--think=off", "nothink": "--think=off", "no-thinking": "--think=off", "thinking": "--think", "enable-thinking": "--think",
	"reasoning": "--think", "reasoning-budget": "--think=N", "reasoning-effort": "--think=N", "think-budget": "--think=N",
	"hidethinking": "--hide-thinking", "no-show-thinking": "--hide-thinking",
	"topk": "--top-k", "topp": "--top-p", "minp": "--min-p", "s": "--seed", "random-seed": "--seed",
	"repetition-penalty": "--repeat-penalty", "penalty": "--repeat-penalty",
	"system-prompt": "--system", "sys": "--system", "system-prompt-file": "--system",
	"num-threads": "--threads", "num-thread": "--threads", "threads-batch": "--threads", "tb": "--threads", "j": "--threads",
	"cache-type-k": "--cache", "cache-type-v": "--cache", "ctk": "--cache", "ctv": "--cache", "kv-cache-dtype": "--cache", "kv-cache-type": "--cache",
	"stats": "--verbose", "perf": "--verbose", "timings": "--verbose", "v": "--verbose", "debug": "--verbose",
	"repetitions": "--repeat", "n-prompt": "--prompt", "n-gen": "--tokens", "n-depth": "--depth",

	"model": "the model is the first word behind the verb", "m": "the model is the first word behind the verb",
	"prompt": "the prompt is the words behind MODEL, or the standard input", "p": "the prompt is the words behind MODEL, or the standard input",
	"file": "the standard input is read: blitz … < FILE", "f": "the standard input is read: blitz … < FILE",
	"interactive": "without a prompt, on a terminal, it is a chat", "i": "without a prompt, on a terminal, it is a chat",
	"conversation": "without a prompt, on a terminal, it is a chat", "cnv": "without a prompt, on a terminal, it is a chat",
	"no-cnv":       "with a prompt it is no chat",
	"n-gpu-layers": "models run on processors here", "gpu-layers": "models run on processors here", "ngl": "models run on processors here",
	"gpu": "models run on processors here", "device": "models run on processors here; --cpu picks among their instructions",
	"json-schema": "--format", "json-schema-file": "--format", "response-format": "--format", "json": "--format", "schema": "--format",
	"grammar": "blitz serve takes grammars; --format holds an answer to JSON or a schema", "grammar-file": "blitz serve takes grammars; --format holds an answer to JSON or a schema",
	"keepalive": "a model lives as long as the command that runs it", "keep-alive": "a model lives as long as the command that runs it",
	"chat-template": "a model's own template is used", "chat-template-file": "a model's own template is used; blitz render --template FILE tries one",
	"jinja": "chat templates are always read as Jinja", "no-mmap": "weights are packed into memory", "mlock": "weights are packed into memory",
	"flash-attn": "there is one kind of attention, and it is always exact", "fa": "there is one kind of attention, and it is always exact",
	"nowordwrap": "lines are broken at words on a terminal alone", "color": "NO_COLOR=1 turns styles off", "no-color": "NO_COLOR=1 turns styles off",
	"quiet": "answers alone go to the standard output: 2> /dev/null", "q": "answers alone go to the standard output: 2> /dev/null",
	"stream": "answers always stream", "no-stream": "answers always stream",
}

// verbHint returns what is said of a verb of another program, or "".
func verbHint(verb string) string {
	hint, ok := otherVerbs[strings.TrimPrefix(strings.ToLower(verb), "llama-")]
	if !ok {
		return ""
	}
	return hint
}

// flagHint returns what is said of a flag of another program, or "": for a flag of our
// own, only where the verb has it.
func flagHint(flags *pflag.FlagSet, name string) string {
	plain := strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
	hint, ok := otherFlags[plain]
	if !ok {
		if flags.Lookup(plain) == nil {
			return ""
		}
		hint = "--" + plain // as it is spelled here
	}
	own, isFlag := strings.CutPrefix(hint, "--")
	if !isFlag {
		return hint
	}
	own, _, _ = strings.Cut(own, "=")
	if flags.Lookup(own) == nil {
		return ""
	}
	return hint + " says that here"
}

// habitError returns the error of a flag that the parser does not know, with a hint
// where another program has it, else with the flags that look like it.
func habitError(flags *pflag.FlagSet, err error, unknown *pflag.NotExistError) error {
	name := unknown.GetSpecifiedName()
	if shorts := unknown.GetSpecifiedShortnames(); shorts != "" {
		if name = shorts; flagHint(flags, name) == "" {
			name = shorts[:1]
		}
	}
	if hint := flagHint(flags, name); hint != "" {
		return fault.WithHint(fault.Misuse(err), hint)
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return fault.Misuse(fmt.Errorf("%w%s", err, spelling.Text("--"+unknown.GetSpecifiedName(), names)))
}

// noVerb says that an argument of blitz itself is no verb.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if hint := verbHint(args[0]); hint != "" {
		return fault.WithHint(fault.Misuse(fmt.Errorf("unknown verb %q", args[0])), hint)
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
		names = append(names, c.Aliases...)
	}
	return fault.Misuse(fmt.Errorf("unknown verb %q%s", args[0], spelling.Text(args[0], names)))
}
