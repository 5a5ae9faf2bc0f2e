package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// folderForms returns the files of a tokenizer in every form that has a
// configuration beside it: each has <s>, </s> and some more as its ids say.
func folderForms(t testing.TB) map[string]dict {
	_, models := folderCases(t)
	return map[string]dict{
		"tokenizer.json":  {"tokenizer.json": small(nil)},
		"tokenizer.model": {"tokenizer.model": models["bpe"]},
		"tiktoken.model":  {"tiktoken.model": ranks("<s>", "</s>")},
	}
}

// withConfig returns the files with a tokenizer_config.json that has one value
// more.
func withConfig(form dict, key string, value any) dict {
	files := maps.Clone(form)
	config := dict{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true}
	if _, ok := form["tiktoken.model"]; ok {
		delete(config, "tokenizer_class")
	}
	config[key] = value
	files["tokenizer_config.json"] = config
	return files
}

// Whatever stands under a key of tokenizer_config.json, the tokenizer opens; what
// has no meaning is told.
func TestOddSettings(t *testing.T) {
	odd := map[string]any{
		"null": nil, "true": true, "false": false, "zero": 0, "number": 7.5, "negative": -1, "huge": 1e300, "text": "some text", "empty": "",
		"list": []any{}, "list of text": []any{"<s>"}, "list of null": []any{nil, 3, []any{}, "<s>"}, "object": dict{}, "nested": dict{"a": dict{"b": []any{1}}},
		"token": dict{"content": "<s>", "lstrip": 1, "normalized": nil, "special": "yes"}, "half a token": dict{"content": nil}, "number in a token": dict{"content": 5},
	}
	keys := append([]string{
		"add_bos_token", "add_eos_token", "add_prefix_space", "legacy", "additional_special_tokens", "extra_special_tokens", "added_tokens_decoder",
		"chat_template", "model_max_length", "tokenizer_class", "image_token", "sp_model_kwargs", "clean_up_tokenization_spaces", "auto_map",
	}, roleKeys...)
	for form, files := range folderForms(t) {
		for _, key := range keys {
			for name, value := range odd {
				if key == "tokenizer_class" && form == "tiktoken.model" && (name == "text" || name == "list of text") {
					continue // ranks need a class that is known
				}
				tok, err := FromFiles(bytesOf(withConfig(files, key, value)))
				if err != nil {
					t.Errorf("%s: %s is %s: %v", form, key, name, err)
					continue
				}
				if ids, err := tok.Encode("hi <s>", AddSpecial); err != nil || len(ids) == 0 {
					t.Errorf("%s: %s is %s: encode: got %v, %v", form, key, name, ids, err)
				}
			}
		}
	}
}

// pythonNumbers are what Python writes for numbers that JSON does not have.
var pythonNumbers = strings.NewReplacer(`"Infinity"`, "Infinity", `"-Infinity"`, "-Infinity", `"NaN"`, "NaN")

// bytesOf returns files as Open would find them: values as JSON.
func bytesOf(files dict) map[string][]byte {
	held := map[string][]byte{}
	for name, v := range files {
		switch v := v.(type) {
		case string:
			held[name] = []byte(v)
		case []byte:
			held[name] = v
		default:
			held[name] = []byte(pythonNumbers.Replace(string(jsonText(v))))
		}
	}
	return held
}

// What has a clear meaning is taken, however it is written.
func TestSettingsByTheirMeaning(t *testing.T) {
	files := folderForms(t)["tokenizer.model"]
	for _, c := range []struct {
		name, key string
		value     any
		text      string
		flags     Flags
		want      []int32
		note      string // that is wanted; "": none
	}{
		{"on", "add_eos_token", true, "", AddSpecial, []int32{1, 2}, ""},
		{"off", "add_bos_token", false, "", AddSpecial, nil, ""},
		{"off as a number", "add_bos_token", 0, "", AddSpecial, nil, ""},
		{"off as text", "add_bos_token", "False", "", AddSpecial, nil, ""},
		{"on as text", "add_eos_token", "true", "", AddSpecial, []int32{1, 2}, ""},
		{"no setting", "add_bos_token", nil, "", AddSpecial, nil, ""},
		{"neither on nor off", "add_bos_token", []any{1}, "", AddSpecial, nil, "add_bos_token"},
		{"a token", "bos_token", dict{"content": "</s>"}, "", AddSpecial, []int32{2}, ""},
		{"a typed token", "bos_token", dict{"__type": "AddedToken", "content": "</s>", "lstrip": false}, "", AddSpecial, []int32{2}, ""},
		{"a list of one token", "bos_token", []any{"</s>"}, "", AddSpecial, []int32{2}, ""},
		{"a role without a token", "bos_token", nil, "", AddSpecial, nil, ""},
		{"a number for a token", "bos_token", 2, "", AddSpecial, []int32{1}, "bos_token"},
		{"control tokens", "additional_special_tokens", []any{"he", dict{"content": "th", "lstrip": true}, nil, 4}, "he", 0, []int32{261}, ""},
		{"one control token", "extra_special_tokens", "he", "he", 0, []int32{261}, ""},
		{"control tokens by name", "extra_special_tokens", dict{"image_token": "he", "x": 4}, "he", 0, []int32{261}, ""},
		{"a control token by its own key", "image_token", "he", "he", 0, []int32{261}, ""},
		{"a new control token", "additional_special_tokens", []any{"<new>"}, "a<new>", 0, []int32{310, 317, 334}, ""},
		{"tokens by id", "added_tokens_decoder", dict{"334": dict{"content": "<new>"}, "336": "<more>"}, "<more><new>", 0, []int32{336, 334}, ""},
		{"an id that is none", "added_tokens_decoder", dict{"x": dict{"content": "<no>"}, "334": dict{"content": "<new>"}}, "<new>", 0, []int32{334}, `"x"`},
		{"an id below zero", "added_tokens_decoder", dict{"-1": dict{"content": "<new>"}}, "<new>", 0, []int32{334}, "-1"},
		{"an id beyond all", "added_tokens_decoder", dict{"99999999999": dict{"content": "<new>"}}, "<new>", 0, []int32{334}, "99999999999"},
		{"an id of another", "added_tokens_decoder", dict{"261": dict{"content": "<new>"}}, "<new>", 0, []int32{334}, "261"},
		{"an id of nothing", "added_tokens_decoder", dict{"334": nil}, "<s>", 0, []int32{1}, "334"},
		{"what nobody reads", "model_max_length", "Infinity", "<s>", 0, []int32{1}, ""},
		{"what nobody reads in a list", "x", []any{"NaN", "-Infinity"}, "<s>", 0, []int32{1}, ""},
		{"a class of no meaning", "tokenizer_class", 4, "<s>", 0, []int32{1}, "tokenizer_class"},
	} {
		tok, err := FromFiles(bytesOf(withConfig(files, c.key, c.value)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, err := tok.Encode(c.text, c.flags); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: encode %q: got %v, %v, want %v", c.name, c.text, got, err, c.want)
		}
		notes := strings.Join(tok.Notes(), "\n")
		if (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: got notes %q, want one with %q", c.name, notes, c.note)
		}
	}
}

func TestOddFilesBeside(t *testing.T) {
	for form, files := range folderForms(t) {
		for _, c := range []struct{ file, text, note string }{
			{"tokenizer_config.json", "", "tokenizer_config.json"},
			{"tokenizer_config.json", "\uFEFF{}", ""},
			{"special_tokens_map.json", " \n", "special_tokens_map.json"},
			{"special_tokens_map.json", `{"bos_token": {}, "additional_special_tokens": 5}`, "additional_special_tokens"},
			{"added_tokens.json", `{"<new>": 1e3, "<odd>": "x", "<more>": null, "": 5, "<far>": -7}`, "<odd>"},
			{"chat_template.json", `{"chat_template": 7}`, "chat_template"},
			{"config.json", `{"model_type": 7, "x": Infinity}`, "model_type"},
		} {
			with := maps.Clone(files)
			with[c.file] = c.text
			tok, err := FromFiles(bytesOf(with))
			if err != nil {
				t.Errorf("%s: %s %q: %v", form, c.file, c.text, err)
				continue
			}
			if notes := fmt.Sprint(tok.Notes()); !strings.Contains(notes, c.note) || c.note == "" && len(tok.Notes()) > 0 {
				t.Errorf("%s: %s %q: got notes %s, want one with %q", form, c.file, c.text, notes, c.note)
			}
		}
	}
}

func TestNotesAreFew(t *testing.T) {
	odd := dict{}
	for i := range 1000 {
		odd[fmt.Sprint("x", i)] = 1
	}
	tok, err := FromFiles(bytesOf(withConfig(folderForms(t)["tokenizer.json"], "added_tokens_decoder", odd)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tok.Notes()); n != maxNotes+1 {
		t.Errorf("got %d notes, want %d", n, maxNotes+1)
	}
}

func TestTemplatesByName(t *testing.T) {
	tok, err := FromFiles(bytesOf(withConfig(folderForms(t)["tokenizer.json"], "chat_template", dict{"default": "one", "tool_use": "two"})))
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := tok.NamedTemplate("tool_use"); tok.ChatTemplate() != "one" || two != "two" {
		t.Errorf("got templates %q, %q", tok.ChatTemplate(), two)
	}
}
