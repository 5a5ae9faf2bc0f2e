package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// chatHelp is what /help prints.
const chatHelp = `/help                  this list
/set [KEY [VALUE]]     show or change a setting; VALUE default takes it back:
                       %s
                       %s
/show [WHAT]           %s
/clear                 forget what was said
/undo                  take back the last message and its answer
/retry                 ask the last message again
/continue              go on with an answer that was cut
/save [--force] [NAME] keep the conversation under a name
/load [NAME]           go on with one; without a name, list them
/mcp [NAME…|off]       use MCP servers of the settings file; alone, list them
/bye                   leave

"""                    begins and ends a text of several lines
Ctrl-C                 stop the answer, or clear the line
Ctrl-J, Alt-Enter      a new line within the text
Up, Down, Ctrl-R       what was typed before
`

// chatKeys are the settings that /set knows: flags, with underscores or dashes, and
// history.
var chatKeys = []string{
	"system", keyContext, "temp", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "max_tokens", "think", "hide_thinking", "verbose", keyHistory,
}

const (
	keyHistory = "history"
	keyContext = "ctx"
)

var chatTopics = []string{"info", "messages", "parameters", "system", "template"}

var chatCommands = []string{"/bye", "/clear", "/continue", "/help", "/load", "/mcp", "/retry", "/save", "/set", "/show", "/undo"}

// command does what a line that begins with a slash asks for.
func (c *conversation) command(ctx context.Context, text string) (bye bool, err error) {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "/bye", "/exit", "/quit":
		return true, nil
	case "/help", "/?":
		half := (len(chatKeys) + 1) / 2
		fmt.Fprintf(c.console, chatHelp, strings.Join(chatKeys[:half], " "), strings.Join(chatKeys[half:], " "), strings.Join(chatTopics, ", "))
	case "/clear":
		c.session.Settle()
		c.session.Messages, c.unsent = c.flags.messages(), ""
		c.note("Cleared.")
	case "/undo":
		return false, c.undo()
	case "/continue":
		return false, c.goOn(ctx)
	case "/retry":
		return false, c.retry(ctx)
	case "/mcp":
		return false, c.useServers(ctx, rest)
	case "/set":
		return false, c.set(rest)
	case "/show":
		return false, c.show(ctx, rest)
	case "/save":
		return false, c.save(rest)
	case "/load":
		return false, c.load(rest)
	default:
		return false, fmt.Errorf("unknown command %s%s; a message that begins with a slash stands between %s", word, spelling.Text(word, chatCommands), textQuotes)
	}
	return false, nil
}

// set does /set: without a value it shows, else it changes.
func (c *conversation) set(rest string) error {
	key, value, _ := strings.Cut(rest, " ")
	key, value = strings.ReplaceAll(key, "-", "_"), strings.TrimSpace(value)
	switch {
	case key == "":
		return c.showParameters()
	case !slices.Contains(chatKeys, key):
		return fmt.Errorf("unknown setting %q%s", key, spelling.Text(key, chatKeys))
	case value == "":
		c.say("%s = %s", key, printableText(c.setting(key)))
		return nil
	case key == keyHistory:
		return c.setHistory(value)
	case key == keyContext:
		return c.setContext(value)
	}
	if err := c.change(key, unquote(value)); err != nil {
		return err
	}
	c.note("%s = %s", key, c.setting(key))
	return nil
}

// change gives a flag a value, as the command line does.
func (c *conversation) change(key, value string) error {
	flag := c.flags.cmd.Flags().Lookup(strings.ReplaceAll(key, "_", "-"))
	if value == "default" {
		if v, ok := flag.Value.(interface{ reset() }); ok {
			v.reset()
			return nil
		}
		value = flag.DefValue
	}
	if flag.Value.Type() == "bool" {
		switch value {
		case "on":
			value = "true"
		case "off":
			value = "false"
		}
	}
	if err := flag.Value.Set(value); err != nil {
		return settings.BadValue(key, value, err)
	}
	if key == "system" {
		c.session.Settle()
		c.session.Messages = append(c.flags.messages(), c.session.Messages[len(c.kept(c.session.Messages)):]...)
	}
	return nil
}

func (c *conversation) setHistory(value string) error {
	switch value {
	case "on", "default":
		c.keep = true
	case "off":
		c.keep = false
	default:
		return fmt.Errorf("%s is %q: want on or off", keyHistory, value)
	}
	c.note("%s = %s", keyHistory, c.setting(keyHistory))
	return nil
}

// setting returns the value of a setting for people: where none was given, what holds
// instead, and whose that is.
func (c *conversation) setting(key string) string {
	if key == keyHistory {
		if c.keep {
			return "on"
		}
		return "off"
	}
	if text := c.flags.cmd.Flags().Lookup(strings.ReplaceAll(key, "_", "-")).Value.String(); text != "" {
		return text
	}
	s, suggested := c.running.model.Sampling()
	from := "the default"
	if suggested {
		from = "the model's"
	}
	switch key {
	case keyContext:
		return fmt.Sprintf("%d (the default)", c.running.engine.Context())
	case "temp":
		return fmt.Sprintf("%v (%s)", s.Temperature, from)
	case "top_k":
		return fmt.Sprintf("%v (%s)", s.TopK, from)
	case "top_p":
		topP := float32(1)
		if s.TopP != nil {
			topP = *s.TopP
		}
		return fmt.Sprintf("%v (%s)", topP, from)
	case "min_p":
		return fmt.Sprintf("%v (%s)", s.MinP, from)
	case "repeat_penalty":
		return fmt.Sprintf("%v (%s)", cmp.Or(s.RepeatPenalty, 1), from)
	case "seed":
		return "random"
	case "max_tokens":
		if c.running.plain {
			return fmt.Sprintf("%d (plain text has no end of its own)", plainTokens)
		}
		return "as many as there is room for"
	case "think":
		return "as the model does"
	}
	return "(none)"
}

// show does /show.
func (c *conversation) show(ctx context.Context, what string) error {
	switch what {
	case "", "info":
		return c.showInfo(ctx)
	case "parameters":
		return c.showParameters()
	case "system":
		c.say("%s", printableText(c.setting("system")))
	case "template":
		t, err := c.running.chatTemplate()
		if err != nil {
			return err
		}
		c.say("%s", printableText(t.Source()))
	case "messages":
		c.session.Settle()
		for _, m := range c.session.Messages {
			c.showMessage(m)
		}
	default:
		return fmt.Errorf("nothing called %q to show, want %s", what, spelling.OneOf(chatTopics))
	}
	return nil
}

func (c *conversation) showInfo(ctx context.Context) error {
	e, m := c.running.engine, c.running.model
	c.session.Settle()
	used := "0"
	if len(c.session.Messages) > 0 && !c.running.plain {
		n, err := c.tokens(ctx, c.session.Messages)
		if err != nil {
			return err
		}
		used = fmt.Sprint(n)
	}
	return writeTable(
		c.console,
		[]string{"model", printable(c.running.name)},
		[]string{"vocabulary", fmt.Sprint(m.VocabSize())},
		[]string{"context", fmt.Sprintf("%s of %d positions used; the model was made for %d", used, e.Context(), m.MaxContext())},
		[]string{"engine", fmt.Sprintf("cache %s, %s", e.Cache(), counted(e.Threads(), "thread"))},
	)
}

func (c *conversation) showParameters() error {
	var rows [][]string
	for _, key := range chatKeys {
		rows = append(rows, []string{key, printable(c.setting(key))})
	}
	return writeTable(c.console, rows...)
}

func (c *conversation) showMessage(m chat.Message) {
	text, _ := m.Content.Text()
	if m.ReasoningContent != "" && !c.flags.hideThinking {
		c.note("%s thinks: %s", m.Role, m.ReasoningContent)
	}
	c.say("%s: %s", printable(m.Role), printableText(text))
}

// complete returns what may stand in the place of a command that was begun.
func (c *conversation) complete(text string) []string {
	word, rest, more := strings.Cut(text, " ")
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(rest, " \n") {
		return nil
	}
	var from []string
	switch {
	case !more:
		from = chatCommands
	case word == "/set":
		from = chatKeys
	case word == "/show":
		from = chatTopics
	case word == "/mcp":
		from = append(c.servers(), "off")
	case word == "/load" || word == "/save":
		from, _ = c.saved()
	}
	var all []string
	for _, s := range from {
		if more {
			s = word + " " + s
		}
		if strings.HasPrefix(s, text) {
			all = append(all, s)
		}
	}
	return all
}
