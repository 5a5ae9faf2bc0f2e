package openai_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The environment of TestResponsesKilled: how many kills (bench/ has the long run), and
// the folder of a child.
const (
	killsVariable = "BLITZ_TEST_KILLS"
	homeVariable  = "BLITZ_TEST_RESPONSES_HOME"
)

// TestResponsesKilled kills a server right behind each answer, whole ones and streams.
// All that were given are there afterwards, and are gone on with.
func TestResponsesKilled(t *testing.T) {
	if home := os.Getenv(homeVariable); home != "" {
		s := newKeeping(t, home)
		fmt.Println(s.URL)
		select {}
	}
	kills := 4
	if testing.Short() {
		kills = 1
	}
	if n, err := strconv.Atoi(os.Getenv(killsVariable)); err == nil {
		kills = n
	}
	home := t.TempDir()
	previous := "null"
	var ids []string
	for i := range kills {
		a := answerAndKill(t, home, fmt.Sprintf(`{"model":"puppet","input":"play hello","previous_response_id":%s,"stream":%v}`, previous, i%2 == 1))
		ids = append(ids, a.ID)
		if previous = strconv.Quote(a.ID); i%50 == 49 {
			previous = "null" // before the conversation is longer than the context
		}
	}
	s := newKeeping(t, home)
	for _, id := range ids {
		status, text := s.send("GET", "/v1/responses/"+id, "")
		var a answered
		if err := json.Unmarshal(text, &a); status != http.StatusOK || err != nil || a.ID != id || a.text() != "Hello, world!" {
			t.Errorf("%s: %d %s", id, status, text)
		}
	}
}

// answerAndKill has a child answer, and kills it as soon as the answer is there.
func answerAndKill(t *testing.T, home, body string) (a answered) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestResponsesKilled$", "-test.timeout=5m")
	c.Env = append(os.Environ(), homeVariable+"="+home)
	c.Stderr = os.Stderr
	said, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it says that it was killed
	}()
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSpace(url)+"/v1/responses", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/event-stream") {
		if err := json.NewDecoder(got.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	lines := bufio.NewScanner(got.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Type     string
			Response answered
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == "response.completed" {
			return e.Response
		}
	}
	t.Fatalf("the stream ended early: %v", lines.Err())
	return a
}
