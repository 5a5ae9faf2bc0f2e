package ollama_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

// TestContext: the context of an answer goes on as the whole conversation would.
func TestContext(t *testing.T) {
	s := newSite(t)
	first := s.object("POST", "/api/generate", `{"model":"puppet","prompt":"play hello","stream":false}`)
	context, err := json.Marshal(first["context"])
	if err != nil {
		t.Fatal(err)
	}
	second := s.object("POST", "/api/generate", `{"model":"puppet","prompt":"play count","stream":false,"context":`+string(context)+`}`)
	if second["response"] != puppet.Text("count") {
		t.Errorf("got %q", second["response"])
	}
	chat := fmt.Sprintf(`{"model":"puppet","stream":false,"messages":[{"role":"user","content":"play hello"},{"role":"assistant","content":%q},{"role":"user","content":"play count"}]}`, puppet.Text("hello"))
	whole := s.object("POST", "/api/chat", chat)
	// The words of an answer are tokens of their own there, and bytes here: so the ends of
	// both prompts are alike, not their lengths.
	if whole["message"].(map[string]any)["content"] != second["response"] {
		t.Errorf("got %v, want %q", whole["message"], second["response"])
	}
	ids := second["context"].([]any)
	before := first["context"].([]any)
	for i, id := range before {
		if ids[i] != id {
			t.Fatalf("token %d of the context is %v, want %v", i, ids[i], id)
		}
	}
	if newline := before[len(before)-1]; newline != float64('\n') {
		t.Errorf("the context ends with token %v, want what the template writes behind a turn", newline)
	}
}

// TestUpload: a file that is sent becomes a model.
func TestUpload(t *testing.T) {
	s := newSite(t)
	file, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	file = append(file, make([]byte, 32)...) // other bytes than those of the store
	digest := fmt.Sprintf("sha256-%x", sha256.Sum256(file))
	check := func(method string, body string, want int) {
		t.Helper()
		if r, text := s.send(method, "/api/blobs/"+digest, body); r.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", method, r.StatusCode, text, want)
		}
	}
	check("HEAD", "", http.StatusNotFound)
	check("POST", string(file[1:]), http.StatusBadRequest)
	check("HEAD", "", http.StatusNotFound)
	check("POST", string(file), http.StatusCreated)
	check("HEAD", "", http.StatusOK)
	body := fmt.Sprintf(`{"model":"made","files":{"p.gguf":%q},"system":"Be brief."}`, strings.Replace(digest, "-", ":", 1))
	r, text := s.send("POST", "/api/create", body)
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); r.StatusCode != 200 || lines[len(lines)-1] != `{"status":"success"}` {
		t.Fatalf("got %d %s", r.StatusCode, text)
	}
	check("HEAD", "", http.StatusOK) // as a file of the model
	if got := s.object("POST", "/api/generate", `{"model":"made","prompt":"play hello","stream":false}`); got["response"] != puppet.Text("hello") {
		t.Errorf("got %v", got)
	}
	if got := s.object("POST", "/api/show", `{"model":"made"}`); got["system"] != "Be brief." {
		t.Errorf("got %v", got["system"])
	}
}

// TestUnload: a model that is let go is gone from the list.
func TestUnload(t *testing.T) {
	s := newSite(t)
	loaded := func() int { return len(s.object("GET", "/api/ps", "")["models"].([]any)) }
	s.object("POST", "/api/generate", `{"model":"puppet","stream":false,"keep_alive":"1h"}`)
	if n := loaded(); n != 1 {
		t.Errorf("%d models are loaded, want 1", n)
	}
	s.object("POST", "/api/generate", `{"model":"puppet","stream":false,"keep_alive":0}`)
	if n := loaded(); n != 0 {
		t.Errorf("%d models are loaded, want none", n)
	}
	s.object("POST", "/api/chat", `{"model":"puppet","messages":[{"role":"user","content":"play hello"}],"stream":false,"keep_alive":0}`)
	for i := 0; loaded() != 0; i++ { // the lease ends behind the answer
		if i > 1000 {
			t.Fatal("it is still there")
		}
	}
}

// TestVerbose: lists of the metadata are told to who wants them.
func TestVerbose(t *testing.T) {
	s := newSite(t)
	brief := s.object("POST", "/api/show", `{"model":"puppet"}`)["model_info"].(map[string]any)
	if v, ok := brief["tokenizer.ggml.tokens"]; !ok || v != nil || brief["general.architecture"] != "llama" {
		t.Errorf("got %v", brief)
	}
	whole := s.object("POST", "/api/show", `{"model":"puppet","verbose":true}`)
	if v, _ := whole["model_info"].(map[string]any)["tokenizer.ggml.tokens"].([]any); len(v) < 256 || len(whole["tensors"].([]any)) == 0 {
		t.Errorf("got %d tokens", len(v))
	}
}

// TestSuffix: a model that was taught to fills in what is missing between two texts.
func TestSuffix(t *testing.T) {
	p := puppet.New()
	for name, says := range map[string]string{"prefix": "stop", "suffix": "stop", "middle": "code"} {
		p.AddControl("<|fim_"+name+"|>", says)
	}
	s := newSiteOf(t, p)
	got := s.object("POST", "/api/generate", `{"model":"puppet","prompt":"def f():","suffix":"\n","stream":false}`)
	if got["response"] != puppet.Text("code") {
		t.Errorf("got %q, want %q", got["response"], puppet.Text("code"))
	}
	if can := fmt.Sprint(s.object("POST", "/api/show", `{"model":"puppet"}`)["capabilities"]); !strings.Contains(can, "insert") {
		t.Errorf("it can %s", can)
	}
}
