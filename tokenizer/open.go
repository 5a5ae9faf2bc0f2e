package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// fileNames are the files that hold a tokenizer, in the order in which a folder
// is searched for them.
var fileNames = []string{
	"tokenizer.json", "tokenizer.model", "tiktoken.model", "spiece.model", "sentencepiece.bpe.model",
}

const maxModelFile = 128 << 20

// Open reads the tokenizer in a folder or file: a tokenizer.json, a
// SentencePiece model, or tiktoken ranks as Kimi publishes them. Settings,
// further tokens and chat templates are read from the files beside it. The
// errors name the file; they are ErrNoTokenizer where a folder has none,
// ErrUnsupported, ErrDamaged, or those of the file system.
func Open(path string) (*Tokenizer, error) {
	t, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func open(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if path, err = findFile(path); err != nil {
			return nil, err
		}
	}
	folder := filepath.Dir(path)
	beside, err := readConfig(folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	t, err := openFile(path, beside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// findFile returns the tokenizer file of a folder.
func findFile(folder string) (string, error) {
	for _, name := range fileNames {
		path := filepath.Join(folder, name)
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: %w: want one of %v", folder, ErrNoTokenizer, fileNames)
}

func openFile(path string, beside *hfConfig) (*Tokenizer, error) {
	if filepath.Ext(path) == ".json" {
		data, err := readFile(path, maxJSONFile)
		if err != nil {
			return nil, err
		}
		return parseTokenizerJSON(data, beside)
	}
	data, err := readFile(path, maxModelFile)
	if err != nil {
		return nil, err
	}
	if isTiktoken(data) {
		return parseTiktoken(data, beside)
	}
	return parseSPM(data, beside)
}
