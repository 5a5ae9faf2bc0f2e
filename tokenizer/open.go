package tokenizer

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// fileNames are the files that hold a tokenizer, in the order in which a folder
// is searched for them.
var fileNames = []string{
	"tokenizer.json", "tokenizer.model", "tiktoken.model", "spiece.model", "sentencepiece.bpe.model", vocabName,
}

// maxModelFile is the longest model file, in bytes. The largest published ones have
// 14 MiB.
const maxModelFile = 64 << 20

// Open reads the tokenizer in a folder or file: a tokenizer.json, a
// SentencePiece model, tiktoken ranks as Kimi publishes them, or BERT's vocab.txt. Settings,
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
	dir, name := path, ""
	if !info.IsDir() {
		dir, name = filepath.Dir(path), filepath.Base(path)
	}
	t, err := fromSource(folder{os.DirFS(dir)}, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

// FromFS is Open for a folder in a file system.
func FromFS(dir fs.FS) (*Tokenizer, error) { return fromFolder(folder{dir}) }

// FromFiles is Open for a folder whose files are read already, by their names in
// it. Of those that are not there, or are missing in the map, nothing is said;
// names that no tokenizer has are passed over.
func FromFiles(files map[string][]byte) (*Tokenizer, error) { return fromFolder(memory(files)) }

func fromFolder(s source) (*Tokenizer, error) {
	t, err := fromSource(s, "")
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// fromSource reads the tokenizer file of that name, or the first that is there.
func fromSource(s source, name string) (*Tokenizer, error) {
	if name == "" {
		var err error
		if name, err = findFile(s); err != nil {
			return nil, err
		}
	}
	beside, err := readConfig(s)
	if err != nil {
		return nil, err
	}
	t, err := openFile(s, name, beside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// FileIn returns the name of the file in a folder that FromFS reads the tokens from. The
// error wraps ErrNoTokenizer where there is none.
func FileIn(dir fs.FS) (string, error) { return findFile(folder{dir}) }

// findFile returns the name of the tokenizer file of a folder.
func findFile(s source) (string, error) {
	for _, name := range fileNames {
		there, err := has(s, name)
		if err != nil {
			return "", err
		}
		if there {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w: want one of %v", ErrNoTokenizer, fileNames)
}

func openFile(s source, name string, beside *folderConfig) (*Tokenizer, error) {
	if path.Ext(name) == ".json" {
		data, err := s.read(name, maxJSONFile)
		if err != nil {
			return nil, err
		}
		return parseTokenizerJSON(data, beside)
	}
	data, err := s.read(name, maxModelFile)
	if err != nil {
		return nil, err
	}
	if name == vocabName {
		return parseVocabTxt(data, beside)
	}
	if isTiktoken(data) {
		return parseTiktoken(data, beside)
	}
	if name == "tokenizer.model" && beside.published {
		return parseSPMFolder(data, beside)
	}
	return parseSPM(data, beside)
}
