package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/tokenizer"
)

// running is a model that is ready to answer.
type running struct {
	name    string // as the user calls it
	model   *blitz.Model
	engine  *blitz.Engine
	draft   *blitz.Model      // that guesses; nil: there is none
	load    float64           // seconds
	experts blitz.ExpertStats // what was read of the model's when stats were made last
	plain   bool              // there is no template: text is continued as it is
	far     bool              // the engine is that of this user's server

	adapter *blitz.Adapter // of answers; nil: the model answers as it is

	variant  *hub.Variant   // of the stored name; nil: none
	vouched  *hub.Vouched   // who had signed the stored model; nil: nobody
	template *chat.Template // of the variant; nil: the model's is used
}

// chatTemplate returns the template that conversations are rendered by.
func (o *running) chatTemplate() (*chat.Template, error) {
	if o.template != nil {
		return o.template, nil
	}
	return o.model.Template()
}

func (o *running) close() {
	if o.engine != nil {
		o.engine.Close()
	}
	if o.draft != nil {
		o.draft.Close()
	}
	o.model.Close()
}

// open opens a model and starts an engine.
func (f *runFlags) open(name string) (*running, error) {
	location, err := locateModel(f.cmd.Context(), f.cmd, name)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	files, err := openLocated(location)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if location.Model != nil {
		if err := f.vary(location.Model); err != nil {
			return nil, err
		}
		if o, err := f.attach(files, location.Model, name); o != nil || err != nil {
			return o, err
		}
	}
	closed, err := f.speculate.find(&f.engineFlags)
	defer closed()
	if err != nil {
		return nil, err
	}
	n, err := fit.Of(files, &blitz.Options{MLA: f.mla.v, Rope: f.rope(), ExpertMemory: f.experts.v, MTP: f.drafts != nil, Drafts: f.drafts}, f.context.v)
	if err != nil {
		return nil, err
	}
	if err := f.bound(n); err != nil {
		return nil, err
	}
	if err := n.CheckContext("run"); err != nil {
		return nil, err
	}
	if err := n.Check(f.cache.v); err != nil {
		return nil, err
	}
	m, err := f.load(files, name, n.ExpertMemory)
	if err != nil {
		return nil, err
	}
	noteAssumed(f.cmd, name, m.Assumed())
	o := &running{name: name, model: m}
	if location.Model != nil {
		o.variant, o.vouched = location.Model.Variant, location.Model.Vouched
	}
	if err = f.ready(o); err == nil {
		o.adapter, err = f.lora.load(f.cmd.Context(), m)
	}
	if err == nil {
		o.draft, err = f.speculate.open(&f.engineFlags)
	}
	if err == nil {
		o.engine, err = f.startEngine(o, f.context.v)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	o.load = time.Since(began).Seconds()
	return o, nil
}

// startEngine starts an engine with a context of that many positions, 0 for the default.
func (f *runFlags) startEngine(o *running, context int) (*blitz.Engine, error) {
	with := f.engineOptions(o.model)
	with.Context, with.Sequences = context, 1
	with.Speculate, with.Draft = f.speculate.source(&f.engineFlags), o.draft
	return blitz.NewEngine(o.model, &with)
}

// load opens a model that is talked to.
func (f *runFlags) load(files *blitz.Files, name string, experts int64) (*blitz.Model, error) {
	m, err := loadModel(f.cmd, files, name, &blitz.Options{
		MemoryLimit: fit.MemoryLimit(), ExpertMemory: experts, MLA: f.mla.v, Rope: f.rope(), Text: true, MTP: f.speculate.wantsMTP() || f.drafts != nil, Drafts: f.drafts, Packed: openPacked(f.packed.v), Interrupted: f.cmd.Context().Err,
	})
	if errors.Is(err, tokenizer.ErrNoTokenizer) {
		return nil, fault.Refusal(fmt.Errorf("run: %s has no tokenizer: it cannot be talked to", name))
	}
	if errors.Is(err, blitz.ErrNoMTP) {
		return nil, fault.Misuse(fmt.Errorf("run: --speculate mtp: %w", err))
	}
	return m, err
}

// ready checks that a model can be talked to as the flags want.
func (f *runFlags) ready(o *running) error {
	if err := o.readTemplate(); err != nil {
		return err
	}
	t, err := o.chatTemplate()
	if o.plain = errors.Is(err, blitz.ErrNoTemplate); o.plain {
		fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: %s has no chat template: text is continued as it is\n", printable(o.name))
	} else if err != nil {
		return fmt.Errorf("%s: chat template: %w", o.name, err)
	} else {
		noteBuiltin(f.cmd, o.name, t)
	}
	if f.think.text != "" && (o.plain || !t.Reasons()) {
		fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: the template of %s knows no reasoning: --think changes nothing\n", printable(o.name))
	}
	return f.checkTools(o)
}
