package history

import (
	"errors"
	"testing"
)

// TestVersionKeepsFiles edits a message with a file: the version has the file's text,
// which the page does not have.
func TestVersionKeepsFiles(t *testing.T) {
	s, _ := open(t)
	add := func(id, content string, files ...FileText) error {
		_, err := s.Turn(t.Context(), me, "chat-one", Turn{Messages: []NewMessage{{ID: id, Role: User, Content: content, Files: files}}})
		return err
	}
	if err := add("question1", "read it", FileText{Name: "a.txt", Bytes: 5, Tokens: 2, Text: "words"}); err != nil {
		t.Fatal(err)
	}
	if err := add("question2", "read it well", FileText{Name: "a.txt", Bytes: 5, Tokens: 2}, FileText{Name: "b.txt", Bytes: 4, Tokens: 1, Text: "more"}); err != nil {
		t.Fatal(err)
	}
	_, path, err := s.Path(t.Context(), me, "chat-one", "question2")
	if err != nil {
		t.Fatal(err)
	}
	if len(path) != 1 || len(path[0].Files) != 2 || path[0].Files[0].Text != "words" || path[0].Files[1].Text != "more" {
		t.Errorf("the version is %+v, want the files a.txt with words and b.txt with more", path)
	}
	for _, f := range []FileText{{Name: "b.txt", Bytes: 5, Tokens: 2}, {Name: "a.txt", Bytes: 6, Tokens: 2}} {
		if err := add("question3", "another file", f); !errors.Is(err, ErrValue) {
			t.Errorf("a file %+v without its text: error %v, want ErrValue", f, err)
		}
	}
}
