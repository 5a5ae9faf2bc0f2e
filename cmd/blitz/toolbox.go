package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/jinja"
)

const (
	maxRounds    = 16      // of calls behind one question
	maxShown     = 4 << 10 // bytes of a call's arguments
	maxGlance    = 300     // bytes of a result
	notAllowed   = "The person did not allow this call."
	tooManyCalls = "This call was not run: there were too many behind one question."
)

// toolbox has the MCP servers that a run may use, and the tools that need no question.
type toolbox struct {
	tools   *mcp.Tools // of all servers of the settings
	inUse   []string   // servers
	kept    *mcp.Allowed
	allowed map[string]bool // by flags, and for this chat
}

// mcpServers returns the servers of the settings file.
func mcpServers(getenv func(string) string) ([]mcp.Server, error) {
	file, err := settings.Open(getenv)
	if err != nil {
		return nil, err
	}
	return serversOf(file)
}

// serversOf returns the servers that a settings file names.
func serversOf(file *settings.File) ([]mcp.Server, error) {
	list, err := mcp.Parse(file.Path(), file.Table(settings.ServersTable))
	if err != nil {
		return nil, fault.Misuse(err)
	}
	return list, nil
}

// allowedTools returns what this user allowed once and for all, nil where there is no
// folder to keep it in.
func allowedTools(getenv func(string) string) *mcp.Allowed {
	dir, err := settings.Folder(getenv)
	if err != nil {
		return nil
	}
	return mcp.NewAllowed(filepath.Join(dir, mcp.AllowedFile))
}

// openToolbox returns the servers of the settings, of which some are used. None of them is
// started.
func openToolbox(use, allow []string) (*toolbox, error) {
	servers, err := mcpServers(os.Getenv)
	if err != nil {
		return nil, err
	}
	b := &toolbox{
		tools: mcp.New(servers, mcp.Options{Version: readBuild().String(), Getenv: os.Getenv}),
		kept:  allowedTools(os.Getenv), allowed: map[string]bool{},
	}
	if err := mcp.CheckEntries(allow); err != nil {
		return nil, fault.Misuse(fmt.Errorf("--mcp-allow: %w", err))
	}
	for _, e := range allow {
		b.allowed[e] = true
	}
	if err := b.use(use); err != nil {
		return nil, fault.Misuse(fmt.Errorf("--mcp: %w", err))
	}
	return b, nil
}

// use says which servers are used from now on.
func (b *toolbox) use(names []string) error {
	known := b.tools.Servers()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("no MCP server is called %q%s: the settings file names them, [mcp.NAME]", shorten(printable(n)), spelling.Text(n, known))
		}
	}
	b.inUse = dedupe(slices.Clone(names))
	return nil
}

// used says whether any server is.
func (b *toolbox) used() bool { return b != nil && len(b.inUse) > 0 }

// definitions returns the tools that the model is told of.
func (b *toolbox) definitions(ctx context.Context) ([]jinja.Value, error) {
	if !b.used() {
		return nil, nil
	}
	return b.tools.Definitions(ctx, b.inUse)
}

// asker is who is asked for consent, and told of calls.
type asker struct {
	ask func(ctx context.Context, question string) (string, error) // nil: nobody is there
	say func(format string, args ...any)
}

// errRefused ends a round of calls: a person refused one, or said something else.
var errRefused = errors.New("refused")

// run runs calls as far as a person allows them, and returns the results. The error is
// errRefused, with results for all calls, where one was refused by a person.
func (b *toolbox) run(ctx context.Context, calls []chat.ToolCall, who *asker) ([]chat.Message, error) {
	var results []chat.Message
	var refused error
	for _, call := range calls {
		text := notAllowed
		if refused == nil {
			var err error
			if text, err = b.runOne(ctx, call, who); errors.Is(err, errRefused) {
				text, refused = notAllowed, err
			} else if err != nil {
				return nil, err
			}
		}
		results = append(results, chat.Result(call, text))
	}
	return results, refused
}

// runOne runs a call, and returns the text of its result.
func (b *toolbox) runOne(ctx context.Context, call chat.ToolCall, who *asker) (string, error) {
	server, tool, ok := mcp.Split(call.Name)
	if !ok || !slices.Contains(b.inUse, server) {
		who.say("(the model called %s, which is not there)", shorten(printable(call.Name)))
		return fmt.Sprintf("There is no tool %s.", call.Name), nil
	}
	who.say("The model calls %s of %s: %s", printable(tool), server, shownArguments(call.Arguments))
	permitted, err := b.permits(ctx, mcp.Entry(server, tool), who)
	if err != nil {
		return "", err
	}
	if !permitted {
		return notAllowed, nil
	}
	result, err := b.tools.Call(ctx, server, tool, json.RawMessage(call.Arguments))
	switch {
	case errors.Is(err, mcp.ErrUnknown) || errors.Is(err, mcp.ErrArguments):
		result = mcp.Result{Content: err.Error(), Failed: true}
	case err != nil:
		return "", err
	}
	how := "result"
	if result.Failed {
		how = "failed"
	}
	who.say("(%s, %s: %s)", how, counted(len(result.Content), "byte"), glance(result.Content))
	return result.Content, nil
}

// permits says whether a call may be run, and asks where nothing says so yet.
func (b *toolbox) permits(ctx context.Context, entry string, who *asker) (bool, error) {
	if b.allowed[entry] {
		return true, nil
	}
	if b.kept != nil {
		list, err := b.kept.List(mcp.Owner)
		if err != nil {
			who.say("%v", err)
		}
		if slices.Contains(list, entry) {
			return true, nil
		}
	}
	if who.ask == nil {
		who.say("(refused: nobody can be asked; --mcp-allow %s allows it)", entry)
		return false, nil
	}
	reply, err := who.ask(ctx, "Run it? [y]es once, for this [c]hat, [a]lways, [n]o? ")
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(reply)) {
	case "y", "yes":
		return true, nil
	case "c", "chat":
		b.allowed[entry] = true
		return true, nil
	case "a", "always":
		b.allowed[entry] = true
		if b.kept == nil {
			who.say("(there is no folder to keep that in: it holds for this chat)")
		} else if err := b.kept.Add(mcp.Owner, entry); err != nil {
			who.say("(it holds for this chat: %v)", err)
		}
		return true, nil
	}
	return false, errRefused
}

// unrun returns results that say why calls were not run.
func unrun(calls []chat.ToolCall, why string) []chat.Message {
	var results []chat.Message
	for _, call := range calls {
		results = append(results, chat.Result(call, why))
	}
	return results
}

// shownArguments returns the arguments of a call as a terminal shows them.
func shownArguments(text string) string {
	if len(text) > maxShown {
		return fmt.Sprintf("%s… (%s)", printable(strings.ToValidUTF8(text[:maxShown], "")), counted(len(text), "byte"))
	}
	return printable(text)
}

// glance returns the beginning of a result in one line.
func glance(text string) string {
	line := printable(text[:min(len(text), 2*maxGlance)])
	if len(line) > maxGlance || len(text) > maxGlance {
		return strings.ToValidUTF8(line[:min(len(line), maxGlance)], "") + "…"
	}
	return line
}
