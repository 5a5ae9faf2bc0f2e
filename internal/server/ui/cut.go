package ui

import (
	"context"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// What is asked for a summary.
const (
	summaryAsk    = "Sum up our conversation so far for yourself, so that you can go on with it without seeing it again: what I want, what was found out and decided, names and numbers that matter, and what is still open. Write the summary alone."
	summaryShare  = 8    // of the context, one of so many parts, is what a summary may take
	summaryTokens = 1024 // and no more than that
)

// cut has the oldest turns on a path not be sent any more, so that half of the context is
// free; with a summary in their place where that is wanted.
func (u *UI) cut(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Leaf      string `json:"leaf"`
		Summarise bool   `json:"summarise"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	ctx, tenant, id := r.Context(), tenantOf(r), r.PathValue("id")
	c, path, err := u.o.Store.Path(ctx, tenant, id, in.Leaf)
	if err != nil {
		return chatError(err)
	}
	k := &cutting{ui: u, ctx: ctx, chat: c, path: path, parameters: parametersOf(&c, path)}
	if k.parameters.Model == "" {
		if k.parameters.Model, err = u.offered(ctx); err != nil {
			return err
		}
	}
	at, err := k.place()
	if err != nil {
		return err
	}
	was, _ := lastCut(c.Cuts, path)
	cut := history.Cut{At: path[at].ID}
	if in.Summarise {
		if cut.Summary, err = k.summary(at); err != nil {
			return err
		}
	}
	if c, err = u.o.Store.Cut(ctx, tenant, id, cut); err != nil {
		return chatError(err)
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Chat    history.Chat `json:"chat"`
		Dropped int          `json:"dropped"`
	}{c, at - was})
	return nil
}

// parametersOf returns what the newest answer of a path was asked with, or else what the
// chat has.
func parametersOf(c *history.Chat, path []history.Message) history.Parameters {
	for _, m := range slices.Backward(path) {
		if m.Role == history.Assistant && m.Parameters != nil && m.Parameters.Model != "" {
			return *m.Parameters
		}
	}
	return c.Parameters
}

// cutting is a path that is to be shortened.
type cutting struct {
	ui         *UI
	ctx        context.Context
	chat       history.Chat
	path       []history.Message
	parameters history.Parameters
	room       int // positions of the context
}

// place returns where on the path to cut: at the first turn of a person from which on the
// conversation takes half of the context at most, or else at the last.
func (k *cutting) place() (int, error) {
	from, _ := lastCut(k.chat.Cuts, k.path)
	var turns []int
	for i := from + 1; i < len(k.path); i++ {
		if k.path[i].Role == history.User {
			turns = append(turns, i)
		}
	}
	if len(turns) == 0 {
		return 0, &wire.Error{Kind: wire.Conflict, Code: "conflict", Message: "there is nothing to drop: the conversation has one turn"}
	}
	found := len(turns) - 1
	err := k.ui.service.Counting(k.ctx, k.parameters.Model, func(room int, count func(*inference.Request) (int, error)) (err error) {
		k.room = room
		found = sort.Search(len(turns)-1, func(i int) bool {
			if err != nil {
				return true
			}
			var r *inference.Request
			if r, err = k.ui.ask(k.ctx, &k.parameters, conversation(nil, k.path[turns[i]:])); err != nil {
				return true
			}
			var n int
			n, err = count(r)
			return err == nil && n <= room/2
		})
		return err
	})
	return turns[found], err
}

// summary has the model sum up what is before a place of the path. Where that is too long
// to be read at once, its oldest turns are left out.
func (k *cutting) summary(at int) (string, error) {
	p := k.parameters
	p.Schema, p.Tools, p.MCP, p.Reasoning = nil, nil, nil, "off"
	p.MaxTokens = new(max(1, min(k.room/summaryShare, summaryTokens)))
	room := k.room - *p.MaxTokens
	var request *inference.Request
	err := k.ui.service.Counting(k.ctx, p.Model, func(_ int, count func(*inference.Request) (int, error)) error {
		from, cuts := 0, k.chat.Cuts
		for {
			r, err := k.ui.ask(k.ctx, &p, append(conversation(cuts, k.path[from:at]), chat.User(summaryAsk)))
			if err != nil {
				return err
			}
			n, err := count(r)
			if err != nil {
				return err
			}
			if request = r; n <= room || from >= at-1 {
				return nil
			}
			begins, _ := lastCut(cuts, k.path[from:at])
			from += max(begins, (at-from)/8) + 1
			from, cuts = min(from, at-1), nil
		}
	})
	if err != nil {
		return "", err
	}
	request.Think = blitz.Think{Mode: blitz.ThinkOff}
	answers, err := k.ui.service.Answer(k.ctx, request)
	if err != nil {
		return "", err
	}
	defer answers.Close()
	for _, err := range answers.Events() {
		if err != nil {
			return "", err
		}
	}
	said := answers.Choice(0).Output()
	if said.Content == nil || strings.TrimSpace(*said.Content) == "" {
		return "", &wire.Error{Kind: wire.Conflict, Message: "the model has no summary to say; drop the turns without one"}
	}
	return strings.ToValidUTF8(strings.TrimSpace(*said.Content), "\ufffd"), nil
}
