package hub

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// Settings are where sources are and who asks them: the variables that users of
// other programs have set already. An empty field means that there is none.
type Settings struct {
	HuggingFace        string // HF_ENDPOINT
	HuggingFaceToken   string // HF_TOKEN
	HuggingFaceFile    string // the file of the token where HuggingFaceToken is empty
	HuggingFaceOffline bool   // HF_HUB_OFFLINE
	OllamaRegistry     string // BLITZ_OLLAMA_REGISTRY
	ModelScope         string // MODELSCOPE_ENDPOINT
	ModelScopeToken    string // MODELSCOPE_API_TOKEN
	DockerConfig       string // the folder of Docker's config.json
	UserAgent          string // as servers are told; "blitz" if empty
}

// ReadSettings reads the variables that other programs have for the same. An
// empty variable is as good as none.
func ReadSettings(getenv func(string) string) Settings {
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		home = getenv("USERPROFILE")
	}
	under := func(base string, elements ...string) string {
		if base == "" {
			return ""
		}
		return filepath.Join(append([]string{base}, elements...)...)
	}
	first := func(choices ...string) string {
		for _, c := range choices {
			if c != "" {
				return c
			}
		}
		return ""
	}
	cache := first(getenv("XDG_CACHE_HOME"), under(home, ".cache"))
	hf := first(getenv("HF_HOME"), under(cache, "huggingface"))
	return Settings{
		HuggingFace:        endpoint(first(getenv("HF_ENDPOINT"), "https://huggingface.co")),
		HuggingFaceToken:   strings.TrimSpace(getenv("HF_TOKEN")),
		HuggingFaceFile:    first(getenv("HF_TOKEN_PATH"), under(hf, "token")),
		HuggingFaceOffline: isOn(getenv("HF_HUB_OFFLINE")),
		OllamaRegistry:     endpoint(first(getenv("BLITZ_OLLAMA_REGISTRY"), "https://registry.ollama.ai")),
		ModelScope:         endpoint(first(getenv("MODELSCOPE_ENDPOINT"), "https://modelscope.cn")),
		ModelScopeToken:    strings.TrimSpace(getenv("MODELSCOPE_API_TOKEN")),
		DockerConfig:       first(getenv("DOCKER_CONFIG"), under(home, ".docker")),
	}
}

// endpoint completes an address as its variable may have it: a bare host is
// asked over https, and the slash at the end does not count.
func endpoint(text string) string {
	text = strings.TrimRight(strings.TrimSpace(text), "/")
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	return text
}

// isOn reads a variable as huggingface_hub does.
func isOn(text string) bool {
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// firstLine returns the first line of a small file without blanks around it; a
// file that cannot be read has none.
func firstLine(path string) string {
	if path == "" {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// newClient returns the client of one pull that begins at base. named: the
// address is what the pull was asked for, not a setting, and a server whose
// clients may name any asks only public ones.
func (s *Store) newClient(base string, named bool, meter *meter) (*fetch.Client, error) {
	agent := s.Settings.UserAgent
	if agent == "" {
		agent = "blitz"
	}
	return fetch.New(fetch.Options{Base: base, PublicOnly: named && s.PublicOnly, UserAgent: agent, Waiting: meter.wait, Pause: s.pause, Roots: s.roots})
}

// bearer is the header of a token.
func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}
