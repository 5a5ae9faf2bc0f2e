package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A folderConfig is what stands beside a tokenizer file in a folder:
// tokenizer_config.json, special_tokens_map.json, added_tokens.json, the chat
// templates, and the model's config.json.
type folderConfig struct {
	published      bool   // there is a configuration at all: the folder is one for transformers
	class          string // tokenizer_class, without the Fast of old names
	modelType      string // model_type of config.json
	legacy         *bool  // nil: not said
	prefixSpace    *bool
	addBOS, addEOS *bool
	names          roleNames
	cls, sep       string // what stands around a text of BERT's; "": not said

	// How BERT's text is prepared; nil: not said.
	lowercase, stripAccents, chineseChars *bool

	special   []addedEntry // further control tokens that are named
	added     []addedEntry // tokens by id, of added_tokens_decoder or added_tokens.json
	templates map[string]string
	notes     notes
}

// roleNames are the tokens that the files name for a role.
type roleNames struct{ bos, eos, unknown, pad roleName }

// A roleName is the token of a role. Without content, a file says that there is
// none, if it says anything.
type roleName struct {
	said  bool
	token addedEntry
}

// roleKeys are the keys of tokens with a role, in the order in which transformers
// adds them to a vocabulary.
var roleKeys = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// of returns the role that a key names; nil for those that play none here.
func (n *roleNames) of(key string) *roleName {
	switch key {
	case "bos_token":
		return &n.bos
	case "eos_token":
		return &n.eos
	case "unk_token":
		return &n.unknown
	case "pad_token":
		return &n.pad
	}
	return nil
}

// readConfig reads what stands in a folder. Nothing of it must be there.
func readConfig(s source) (*folderConfig, error) {
	c := &folderConfig{templates: map[string]string{}}
	var read [4]settings
	for i, file := range []string{"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"} {
		var err error
		if read[i], err = readSettings(s, file, &c.notes); err != nil {
			return nil, err
		}
		c.published = c.published || len(read[i].values) > 0
	}
	config, names, ids, model := read[0], read[1], read[2], read[3]
	c.class = config.text("tokenizer_class")
	if c.class == "" {
		c.class = model.text("tokenizer_class")
	}
	c.class = strings.TrimSuffix(c.class, "Fast")
	c.modelType = model.text("model_type")
	c.addBOS, c.addEOS, c.prefixSpace = config.flag("add_bos_token"), config.flag("add_eos_token"), config.flag("add_prefix_space")
	if c.legacy = config.flag("legacy"); c.legacy == nil && config.values["legacy"] != nil {
		c.legacy = new(bool) // null is as good as false
	}
	c.lowercase, c.stripAccents, c.chineseChars = config.flag("do_lower_case"), config.flag("strip_accents"), config.flag("tokenize_chinese_chars")
	c.readDecoder(config)
	c.readNames(config)
	if len(c.added) == 0 { // else the other files are from before it
		c.readNames(names)
		c.readAdded(ids)
	}
	return c, c.readTemplates(s, config)
}

// readNames reads the tokens that are named by their role, or as control tokens
// at large. What was read before gives way.
func (c *folderConfig) readNames(s settings) {
	for _, key := range s.keys {
		if !slices.Contains(roleKeys, key) {
			continue
		}
		token, ok := s.token(key)
		role := c.names.of(key)
		switch {
		case role != nil && (ok || !s.has(key)):
			*role = roleName{said: true, token: token}
		case role == nil && ok:
			c.special = append(c.special, token)
		}
		switch {
		case key == "cls_token" && ok:
			c.cls = token.Content
		case key == "sep_token" && ok:
			c.sep = token.Content
		}
	}
	for _, key := range s.keys {
		// Such as image_token; add_bos_token and the like are settings.
		if strings.HasSuffix(key, "_token") && !strings.HasPrefix(key, "add_") && !slices.Contains(roleKeys, key) && strings.HasPrefix(string(s.values[key]), `"`) {
			c.special = append(c.special, tokensOf(s.values[key])...)
		}
	}
	c.special = append(c.special, s.tokens("additional_special_tokens")...)
	c.special = append(c.special, s.tokens("extra_special_tokens")...)
}

// readDecoder reads added_tokens_decoder: tokens by their ids.
func (c *folderConfig) readDecoder(s settings) {
	const key = "added_tokens_decoder"
	if !s.has(key) {
		return
	}
	scan := jsonScan{data: s.values[key]}
	err := scan.object(func(name []byte) error {
		id, idErr := strconv.ParseInt(string(name), 10, 64)
		raw, err := scan.raw()
		if err != nil {
			return err
		}
		tokens := oneToken(raw)
		if idErr != nil || len(tokens) == 0 {
			s.notes.add("%s: %s: %.40q: got %.40s, want an id and its token: passed over", s.file, key, name, raw)
			return nil
		}
		c.addToken(s, tokens[0], id)
		return nil
	})
	if err != nil {
		s.odd(key, "tokens by their ids")
	}
	c.sortAdded()
}

// readAdded reads added_tokens.json: ids by their tokens.
func (c *folderConfig) readAdded(s settings) {
	for _, content := range s.keys {
		raw := string(s.values[content])
		id, err := strconv.ParseInt(raw, 10, 64)
		if f, floatErr := strconv.ParseFloat(raw, 64); err != nil && floatErr == nil && f == float64(int64(f)) {
			id, err = int64(f), nil
		}
		if err != nil || content == "" {
			s.odd(content, "an id")
			continue
		}
		c.addToken(s, addedEntry{Content: content}, id)
	}
	c.sortAdded()
}

// addToken adds a token by its id. One that cannot be gets a new one later.
func (c *folderConfig) addToken(s settings, token addedEntry, id int64) {
	if id >= 0 && id < maxVocab {
		n := int32(id)
		token.ID = &n
	} else {
		s.notes.add("%s: %.40q: id %d, want 0 to %d: it gets the next that is free", s.file, token.Content, id, maxVocab-1)
	}
	c.added = append(c.added, token)
}

// sortAdded brings the tokens in the order of their ids; those without are last.
func (c *folderConfig) sortAdded() {
	slices.SortStableFunc(c.added, func(a, b addedEntry) int {
		return int(or(a.ID, maxVocab)) - int(or(b.ID, maxVocab))
	})
}

// readTemplates finds the chat templates. A chat_template.jinja comes before
// what the JSON files say.
func (c *folderConfig) readTemplates(s source, config settings) error {
	c.addTemplates(config)
	processor, err := readSettings(s, "chat_template.json", &c.notes)
	if err != nil {
		return err
	}
	c.addTemplates(processor)
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
func (c *folderConfig) readTemplate(s source, name, file string) error {
	data, err := s.read(file, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		c.templates[name] = string(data)
	}
	return err
}

// addTemplates reads a template, a list of named ones, or templates by name.
func (c *folderConfig) addTemplates(s settings) {
	const key = "chat_template"
	if !s.has(key) {
		return
	}
	var one string
	var list []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	var named map[string]string
	add := func(name, template string) {
		if name == "default" {
			name = ""
		}
		c.templates[name] = template
	}
	switch raw := s.values[key]; {
	case json.Unmarshal(raw, &one) == nil:
		add("", one)
	case json.Unmarshal(raw, &list) == nil:
		for _, x := range list {
			add(x.Name, x.Template)
		}
	case json.Unmarshal(raw, &named) == nil:
		for name, template := range named {
			add(name, template)
		}
	default:
		s.odd(key, "a template, or templates by name")
	}
}

// moreTokens returns the added tokens that only the files beside a tokenizer
// name, with their ids where the files give them.
func (c *folderConfig) moreTokens(known []addedEntry) []addedEntry {
	at := map[string]int{}
	for _, a := range known {
		at[a.Content] = -1
	}
	var more []addedEntry
	add := func(a addedEntry, named bool) {
		i, seen := at[a.Content]
		switch {
		case a.Content == "" || seen && i < 0:
		case seen:
			more[i].Special = more[i].Special || named
		default:
			a.Special = a.Special || named
			at[a.Content] = len(more)
			more = append(more, a)
		}
	}
	for _, a := range c.added {
		add(a, false)
	}
	for _, key := range roleKeys {
		if role := c.names.of(key); role != nil {
			role.token.known = true
			add(role.token, true)
		}
	}
	for _, a := range c.special {
		a.known = true
		add(a, true)
	}
	return more
}

// apply gives a tokenizer the roles and templates that the files name. What
// they say about BOS and EOS comes before the tokenizer's own template.
func (c *folderConfig) apply(t *Tokenizer) {
	set := func(role *int32, name roleName) {
		if id, ok := t.ID(name.token.Content); ok && name.token.Content != "" {
			*role = id
		}
	}
	set(&t.roles.bos, c.names.bos)
	set(&t.roles.eos, c.names.eos)
	set(&t.roles.unknown, c.names.unknown)
	set(&t.roles.pad, c.names.pad)
	if t.roles.bos < 0 && c.names.bos.token.Content == "" && len(t.prefix) > 0 {
		t.roles.bos = t.prefix[0]
	}
	if t.roles.eos < 0 && c.names.eos.token.Content == "" && len(t.suffix) > 0 {
		t.roles.eos = t.suffix[len(t.suffix)-1]
	}
	if c.addBOS != nil && t.roles.bos >= 0 {
		t.prefix = slices.DeleteFunc(t.prefix, func(id int32) bool { return id == t.roles.bos })
		if *c.addBOS {
			t.prefix = slices.Insert(t.prefix, 0, t.roles.bos)
		}
	}
	if c.addEOS != nil && t.roles.eos >= 0 {
		t.suffix = slices.DeleteFunc(t.suffix, func(id int32) bool { return id == t.roles.eos })
		if *c.addEOS {
			t.suffix = append(t.suffix, t.roles.eos)
		}
	}
	t.templates = c.templates
	t.notes = append(c.notes, t.notes...)
}
