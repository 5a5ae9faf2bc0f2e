package tokenizer

import (
	"encoding/json"
	"testing"
)

// A folderCase is a folder of a tokenizer.model without a tokenizer.json, and what
// transformers makes of it (testdata/make/spm_folders.py).
type folderCase struct {
	Name    string                     `json:"name"`
	Model   string                     `json:"model"`
	Files   map[string]json.RawMessage `json:"files"`
	Control []int32                    `json:"control"`
	Roles   [4]int32                   `json:"roles"` // BOS, EOS, unknown, padding
	BosEos  []int32                    `json:"bos_eos"`
	Texts   [][3]json.RawMessage       `json:"texts"`
}

// folderCases returns the cases and the models that they name.
func folderCases(t testing.TB) (cases []folderCase, models map[string][]byte) {
	var file struct {
		Models map[string][]byte `json:"models"`
		Cases  []folderCase      `json:"cases"`
	}
	unzipJSON(t, "testdata/spm_folders.json.gz", &file)
	if len(file.Cases) < 60 {
		t.Fatalf("got %d cases", len(file.Cases))
	}
	return file.Cases, file.Models
}

func (c *folderCase) files(models map[string][]byte) map[string][]byte {
	files := map[string][]byte{"tokenizer.model": models[c.Model]}
	for name, data := range c.Files {
		files[name] = data
	}
	return files
}

func TestFoldersOfSentencePiece(t *testing.T) {
	cases, models := folderCases(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			tok, err := FromFiles(c.files(models))
			if err != nil {
				t.Fatal(err)
			}
			if got := [4]int32{tok.BOS(), tok.EOS(), tok.Unknown(), tok.Pad()}; got != c.Roles {
				t.Errorf("roles: got %v, want %v", got, c.Roles)
			}
			wantIDs(t, tok, "hi", AddSpecial, c.BosEos...)
			for _, id := range c.Control {
				if !tok.IsControl(id) {
					t.Errorf("id %d is no control token", id)
				}
			}
			for _, x := range c.Texts {
				var text, decoded string
				var ids []int32
				for i, into := range []any{&text, &ids, &decoded} {
					if err := json.Unmarshal(x[i], into); err != nil {
						t.Fatal(err)
					}
				}
				wantIDs(t, tok, text, 0, ids...)
				if got, err := tok.Decode(ids); err != nil || got != decoded {
					t.Errorf("decode %v: got %q, %v, want %q", ids, got, err, decoded)
				}
			}
		})
	}
}
