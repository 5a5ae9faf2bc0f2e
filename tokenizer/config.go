package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// An hfConfig is what stands beside a tokenizer file in a folder:
// tokenizer_config.json, special_tokens_map.json, added_tokens.json and the
// chat templates.
type hfConfig struct {
	Class    string             `json:"tokenizer_class"`
	AddBOS   *bool              `json:"add_bos_token"`
	AddEOS   *bool              `json:"add_eos_token"`
	BOS      tokenName          `json:"bos_token"`
	EOS      tokenName          `json:"eos_token"`
	Unknown  tokenName          `json:"unk_token"`
	Pad      tokenName          `json:"pad_token"`
	Added    map[string]hfAdded `json:"added_tokens_decoder"`
	Template json.RawMessage    `json:"chat_template"`

	more      []hfAdded // of added_tokens.json
	templates map[string]string
}

// A tokenName is written as a string, or as an object with a content.
type tokenName string

func (n *tokenName) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'{'}) {
		var token hfAdded
		err := json.Unmarshal(data, &token)
		*n = tokenName(token.Content)
		return err
	}
	var name *string
	err := json.Unmarshal(data, &name)
	*n = tokenName(or(name, ""))
	return err
}

const maxConfigFile = 64 << 20

// readConfig reads what stands in a folder. Nothing of it must be there.
func readConfig(s source) (*hfConfig, error) {
	c := &hfConfig{templates: map[string]string{}}
	if err := readJSON(s, "tokenizer_config.json", c); err != nil {
		return nil, err
	}
	var names struct {
		BOS     tokenName `json:"bos_token"`
		EOS     tokenName `json:"eos_token"`
		Unknown tokenName `json:"unk_token"`
		Pad     tokenName `json:"pad_token"`
	}
	if err := readJSON(s, "special_tokens_map.json", &names); err != nil {
		return nil, err
	}
	for _, x := range []struct{ to, from *tokenName }{{&c.BOS, &names.BOS}, {&c.EOS, &names.EOS}, {&c.Unknown, &names.Unknown}, {&c.Pad, &names.Pad}} {
		if *x.to == "" {
			*x.to = *x.from
		}
	}
	var ids map[string]int32
	if err := readJSON(s, "added_tokens.json", &ids); err != nil {
		return nil, err
	}
	for content, id := range ids {
		c.more = append(c.more, hfAdded{ID: &id, Content: content})
	}
	slices.SortFunc(c.more, func(a, b hfAdded) int { return int(*a.ID) - int(*b.ID) })
	return c, c.readTemplates(s)
}

// readJSON reads a file if it is there.
func readJSON(s source, name string, into any) error {
	data, err := s.read(name, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
	}
	return nil
}

// readTemplates finds the chat templates. A chat_template.jinja comes before
// what the JSON files say.
func (c *hfConfig) readTemplates(s source) error {
	if err := c.addTemplates("tokenizer_config.json", c.Template); err != nil {
		return err
	}
	var processor struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := readJSON(s, "chat_template.json", &processor); err != nil {
		return err
	}
	if err := c.addTemplates("chat_template.json", processor.Template); err != nil {
		return err
	}
	const more = "additional_chat_templates"
	files, err := s.list(more)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f, ".jinja"); ok {
			if err := c.readTemplate(s, name, more+"/"+f); err != nil {
				return err
			}
		}
	}
	return c.readTemplate(s, "", "chat_template.jinja")
}

// readTemplate reads a file with a template, if it is there.
func (c *hfConfig) readTemplate(s source, name, file string) error {
	data, err := s.read(file, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		c.templates[name] = string(data)
	}
	return err
}

// addTemplates reads a template, or a list of named ones.
func (c *hfConfig) addTemplates(file string, raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		c.templates[""] = one
		return nil
	}
	var list []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s: chat_template: %w: %w", file, ErrDamaged, err)
	}
	for _, x := range list {
		if x.Name == "default" {
			x.Name = ""
		}
		c.templates[x.Name] = x.Template
	}
	return nil
}

// moreTokens returns the added tokens that only the files beside a tokenizer
// name.
func (c *hfConfig) moreTokens(known []hfAdded) []hfAdded {
	seen := map[string]bool{}
	for _, a := range known {
		seen[a.Content] = true
	}
	var ids []int
	for key := range c.Added {
		if id, err := strconv.Atoi(key); err == nil && id >= 0 && id < maxVocab {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var more []hfAdded
	add := func(a hfAdded) {
		if !seen[a.Content] {
			seen[a.Content] = true
			more = append(more, a)
		}
	}
	for _, id := range ids {
		a := c.Added[strconv.Itoa(id)]
		n := int32(id)
		a.ID = &n
		add(a)
	}
	for _, a := range c.more {
		add(a)
	}
	return more
}

// apply gives a tokenizer the roles and templates that the files name. What
// they say about BOS and EOS comes before the tokenizer's own template.
func (c *hfConfig) apply(t *Tokenizer) {
	set := func(role *int32, name tokenName) {
		if id, ok := t.ID(string(name)); ok && name != "" {
			*role = id
		}
	}
	set(&t.roles.bos, c.BOS)
	set(&t.roles.eos, c.EOS)
	set(&t.roles.unknown, c.Unknown)
	set(&t.roles.pad, c.Pad)
	if t.roles.bos < 0 && c.BOS == "" && len(t.prefix) > 0 {
		t.roles.bos = t.prefix[0]
	}
	if t.roles.eos < 0 && c.EOS == "" && len(t.suffix) > 0 {
		t.roles.eos = t.suffix[len(t.suffix)-1]
	}
	if c.AddBOS != nil && t.roles.bos >= 0 {
		t.prefix = slices.DeleteFunc(t.prefix, func(id int32) bool { return id == t.roles.bos })
		if *c.AddBOS {
			t.prefix = slices.Insert(t.prefix, 0, t.roles.bos)
		}
	}
	if c.AddEOS != nil && t.roles.eos >= 0 {
		t.suffix = slices.DeleteFunc(t.suffix, func(id int32) bool { return id == t.roles.eos })
		if *c.AddEOS {
			t.suffix = append(t.suffix, t.roles.eos)
		}
	}
	t.templates = c.templates
}
