package hub

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// The table of cases: a listing, a label, and the files that it means.
func TestChooseTable(t *testing.T) {
	text, err := os.ReadFile("testdata/selection.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Why         string
		Tag         string
		Files, Want []string
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		got, err := chosen(c.Files, c.Tag)
		if len(c.Want) == 0 {
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), c.Tag) {
				t.Errorf("%s: %v, %v, want ErrNotFound with the label", c.Why, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.Want) {
			t.Errorf("%s: %v, %v, want %v", c.Why, got, err, c.Want)
		}
	}
}

func chosen(paths []string, label string) (names []string, err error) {
	r := &repository{name: "hf.co/a/b"}
	for _, p := range paths {
		r.files = append(r.files, remote{path: p})
	}
	files, err := r.choose(label)
	for _, f := range files {
		names = append(names, f.path)
	}
	return names, err
}

func TestChoose(t *testing.T) {
	folder := []string{
		"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
		"pytorch_model.bin", "original/consolidated.00.pth", "consolidated.safetensors", "model.fp16.safetensors", "onnx/model.onnx", "README.md",
	}
	for _, c := range []struct {
		files []string
		label string
		want  string // names, or "!" and a word of the error
	}{
		{[]string{"m-Q4_K_M-00001-of-00003.gguf", "m-Q4_K_M-00003-of-00003.gguf"}, "", "!m-Q4_K_M-00002-of-00003.gguf is missing"},
		{[]string{"m-Q4_K_M-00002-of-00003.gguf", "m-Q8_0.gguf"}, "Q4_K_M", "!Q8_0"},
		{[]string{"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00002-of-00003.gguf"}, "m-q8_0-00002-of-00002.gguf", "m-Q8_0-00001-of-00002.gguf m-Q8_0-00002-of-00002.gguf"},
		{[]string{"m-i1-IQ1_S.gguf", "m-UD-IQ1_S.gguf"}, "iq1_s", "m-i1-IQ1_S.gguf"},
		{[]string{"IQ4_XS.gguf", "m.IQ4_NL.gguf"}, "iq4_xs", "IQ4_XS.gguf"},
		{[]string{"m-IQ4_XS.gguf"}, "Q4_XS", "!IQ4_XS"},
		{[]string{"m-Q8_0.GGUF"}, "", "m-Q8_0.GGUF"},
		{[]string{"mmproj-F16.gguf", "imatrix.gguf"}, "", "!none of its GGUF files is a model"},
		{[]string{"m-00001-of-99999.gguf"}, "", "!split into 99999 files"},
		{[]string{"m-00001-of-00000.gguf"}, "", "!split into 00000 files"},
		{append([]string{"m-Q8_0.gguf"}, folder...), "", "m-Q8_0.gguf"},
		{folder, "", "model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json config.json tokenizer.json"},
		{folder, "Q4_K_M", "!safetensors"},
		{append(slices.Clone(folder[:1]), folder[2:]...), "", "!model-00001-of-00002.safetensors is missing"},
		{[]string{"config.json", "CONFIG.JSON", "model.safetensors", "Tokenizer.json", "tokenizer.json"}, "", "model.safetensors config.json tokenizer.json"},
		{[]string{"config.json", "pytorch_model.bin"}, "", "!pickled"},
		{[]string{"README.md"}, "", "!neither GGUF nor safetensors"},
		{[]string{"model.safetensors"}, "", "!config.json"},
		{nil, "", "!neither"},
	} {
		got, err := chosen(c.files, c.label)
		if word, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), word) || !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrFormat) {
				t.Errorf("%v with %q: %v, %v, want an error with %q", c.files, c.label, got, err, word)
			}
		} else if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%v with %q: %v, %v, want %s", c.files, c.label, got, err, c.want)
		}
	}
}

func TestSettle(t *testing.T) {
	for _, bad := range []string{"../x.gguf", "/x.gguf", "a/../x.gguf", "./x.gguf", "a//x.gguf", `..\x.gguf`, `C:\x.gguf`, "x\x00.gguf", "con.gguf", "nul.gguf/x.gguf", "a/.x.gguf", "x\u202e.gguf", "x.gguf.", strings.Repeat("x", 300) + ".gguf"} {
		if err := settle([]remote{{path: bad}}); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", bad, err)
		}
	}
	files := []remote{{path: "Q4_K_M/m-00001-of-00002.gguf"}}
	if err := settle(files); err != nil || files[0].name != "m-00001-of-00002.gguf" {
		t.Errorf("%+v, %v", files, err)
	}
}

// Whatever is listed and asked for, what is chosen is listed, and each file once.
func FuzzChoose(f *testing.F) {
	f.Add("m-Q4_K_M.gguf\nm-Q8_0.gguf", "q8_0")
	f.Add("m-00001-of-00002.gguf\nm-00002-of-00002.gguf\nmodel.safetensors\nconfig.json", "")
	f.Fuzz(func(t *testing.T, listing, label string) {
		paths := strings.Split(listing, "\n")
		got, err := chosen(paths, label)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, p := range got {
			if !slices.Contains(paths, p) || seen[p] {
				t.Errorf("%q with %q: %q", paths, label, got)
			}
			seen[p] = true
		}
		if len(got) == 0 {
			t.Errorf("%q with %q: nothing, and no error", paths, label)
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte(`[{"type":"file","path":"x-Q4_K_M.gguf","size":1,"oid":"00","lfs":{"oid":"00","size":-5}}]`))
	f.Add([]byte(`null`))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := parseTree(text)
		if err != nil {
			return
		}
		h := &huggingFace{base: "https://hub", src: Source{Name: "a/b"}}
		r := &repository{name: "x", files: files}
		chosen, err := r.choose("")
		if err != nil || h.locate(chosen, strings.Repeat("0", 40)) != nil {
			return
		}
		for _, file := range chosen {
			if !PlainName(file.name) || file.digest == (Digest{}) == (file.git == [20]byte{}) {
				t.Errorf("%s: %+v", text, file)
			}
		}
	})
}
