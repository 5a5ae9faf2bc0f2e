package main

import (
	"context"
	"errors"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/settings"
)

// undo does /undo: it takes back the last message of the user, and what came of it.
func (c *conversation) undo() error {
	text, err := c.takeLast()
	if err != nil {
		return err
	}
	c.unsent = ""
	c.note("Took back: %s", shorten(printable(text)))
	return nil
}

// retry does /retry: it asks the last message again, one that was taken back included.
func (c *conversation) retry(ctx context.Context) error {
	text := c.unsent
	if text == "" {
		var err error
		if text, err = c.takeLast(); err != nil {
			return err
		}
		s, _ := c.running.model.Sampling()
		if c.flags.apply(&s); s.Temperature == 0 || c.flags.seed.set {
			c.note("(the settings give the same answer again: /set temp and /set seed change that)")
		}
	}
	return c.ask(ctx, text)
}

// takeLast removes the last message of the user and what stands behind it, and returns
// its text.
func (c *conversation) takeLast() (string, error) {
	c.session.Settle()
	at := c.lastQuestion()
	if at == len(c.session.Messages) {
		return "", errors.New("nothing was asked yet")
	}
	text, ok := c.session.Messages[at].Content.Text()
	if !ok {
		return "", errors.New("the last message is no text")
	}
	c.session.Messages = c.session.Messages[:at]
	return text, nil
}

// takeBack keeps a message whose answer was stopped before it began, for /retry: the
// session takes it out of the conversation.
func (c *conversation) takeBack(text string) {
	c.session.Settle()
	c.unsent = text
	c.note(notBegun)
}

// goOn does /continue: the last answer, which was cut, goes on.
func (c *conversation) goOn(ctx context.Context) error {
	if c.running.plain {
		return errors.New("plain text is continued line by line: there is no answer to go on with")
	}
	c.session.Request = c.flags.request(c.running)
	err := c.stoppably(ctx, func(ctx context.Context) error {
		return c.print("", func() (*blitz.Answer, error) { return c.session.Continue(ctx) })
	})
	if errors.Is(err, blitz.ErrNoTurn) {
		return errors.New("there is no answer that was cut")
	} else if err != nil {
		return err
	}
	return c.useTools(ctx)
}

// notBegun is said of an answer that was stopped before its first token.
const notBegun = "(stopped before the answer began: the message is taken back, /retry sends it again)"

// lastQuestion returns where the last message of the user stands, or where it would.
func (c *conversation) lastQuestion() int {
	for i := len(c.session.Messages) - 1; i >= 0; i-- {
		if c.session.Messages[i].Role == "user" {
			return i
		}
	}
	return len(c.session.Messages)
}

// setContext does /set ctx: an engine of another context takes the place of the one
// that runs, and the conversation goes on with it. Where there is no room for it, the
// former context stays.
func (c *conversation) setContext(value string) error {
	f := c.flags
	wanted := f.context
	if wanted.reset(); value != "default" {
		if err := wanted.Set(value); err != nil {
			return settings.BadValue(keyContext, value, err)
		}
	}
	if most := c.running.model.MaxContext(); wanted.v > most {
		return settings.BadValue(keyContext, value, settings.Want(counted(most, "position")+" at most, for which the model was made"))
	}
	if c.running.far {
		return settings.BadValue(keyContext, value, settings.Want("nothing: the server has "+counted(c.running.engine.Context(), "position")+" for this model, which blitz serve --ctx sets"))
	}
	c.session.Settle()
	c.running.engine.Close() // its memory is needed
	e, err := f.startEngine(c.running, wanted.v)
	if err == nil {
		f.context = wanted
	} else {
		var again error
		if e, again = f.startEngine(c.running, f.context.v); again != nil {
			return errors.Join(err, again)
		}
	}
	c.running.engine = e
	c.session = e.NewSession(&blitz.Request{Messages: c.session.Messages})
	if err == nil {
		c.note("%s = %s", keyContext, c.setting(keyContext))
	}
	return err
}
