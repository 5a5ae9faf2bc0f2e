package checkpoint

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/tokenizer"
)

// keyTemplates begins the keys of a GGUF file that hold templates.
const (
	keyTokenizer = "tokenizer."
	keyTemplates = "tokenizer.chat_template"
)

// TokenizerDigest returns the digest that names the tokenizer: of its file, tokenizer.json
// or tokenizer.model; of a GGUF, of its pairs tokenizer.* but the templates, as the file
// has them, in its order. memory is the folder of Root. The error wraps
// tokenizer.ErrNoTokenizer where there is none, and ErrChanged.
func (c *Checkpoint) TokenizerDigest(ctx context.Context, memory string) (Digest, error) {
	if c.gguf != nil && c.gguf.Has("tokenizer.ggml.model") {
		h := sha256.New()
		raw := c.gguf.RawKeyValues()
		for i, kv := range c.gguf.KeyValues() {
			if strings.HasPrefix(kv.Key, keyTokenizer) && !strings.HasPrefix(kv.Key, keyTemplates) {
				h.Write([]byte(raw[i]))
			}
		}
		return Digest(h.Sum(nil)), nil
	}
	name := filepath.Base(c.path)
	if c.files.Kind != Tokenizer || !c.alone {
		var err error
		if name, err = tokenizer.FileIn(folderFS{c}); err != nil {
			return Digest{}, err
		}
	}
	if c.within {
		return digestIn(c.FS(), name)
	}
	m := openMemory(memory)
	defer m.save()
	return c.digestFile(ctx, m, name, true, make([]byte, readSize))
}
