package hub

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Places are the folders in which other programs of this user keep models. A
// pull takes a file from there that is the one it wants, rather than fetch it.
// Nothing is ever written there. An empty place is not looked at.
type Places struct {
	HuggingFace string   // the cache of huggingface_hub, which llama.cpp shares
	Ollama      []string // its models, those of the user and those of the service
	LMStudio    []string // its models, in the newer and the older folder
	ModelScope  []string // its cache, in the newer and the older folder
	LlamaCpp    string   // the cache of llama.cpp before it shared that of huggingface_hub
}

// DefaultPlaces returns the places as the other programs' settings have them.
func DefaultPlaces(getenv func(string) string) Places {
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		home = getenv("USERPROFILE")
	}
	// under joins the first folder that is set and the path below it.
	under := func(places ...string) string {
		for i := 0; i < len(places); i += 2 {
			if places[i] != "" {
				return filepath.Join(places[i], filepath.FromSlash(places[i+1]))
			}
		}
		return ""
	}
	p := Places{
		HuggingFace: under(getenv("HF_HUB_CACHE"), "", getenv("HUGGINGFACE_HUB_CACHE"), "", getenv("HF_HOME"), "hub",
			getenv("XDG_CACHE_HOME"), "huggingface/hub", home, ".cache/huggingface/hub"),
		LlamaCpp: under(getenv("LLAMA_CACHE"), "", getenv("XDG_CACHE_HOME"), "llama.cpp", home, ".cache/llama.cpp"),
	}
	if models := getenv("OLLAMA_MODELS"); models != "" {
		p.Ollama = []string{models}
	} else if home != "" {
		p.Ollama = []string{under(home, ".ollama/models")}
		if runtime.GOOS == "linux" { // of the user that its installer makes for the service
			p.Ollama = append(p.Ollama, "/usr/share/ollama/.ollama/models")
		}
	}
	if home != "" {
		p.LMStudio = []string{under(home, ".lmstudio/models"), under(home, ".cache/lm-studio/models")}
	}
	if cache := under(getenv("MODELSCOPE_CACHE"), "", home, ".cache/modelscope"); cache != "" {
		p.ModelScope = []string{cache, filepath.Join(cache, "hub")}
	}
	return p
}

// wanted is a file that a pull needs.
type wanted struct {
	repository string // USER/REPO, or empty
	path       string // in the repository, with "/"; or a plain name
	size       int64  // bytes
	digest     Digest
}

// maxPlace bounds how many entries of a folder of another program are looked at.
const maxPlace = 10_000

// candidates returns the files that may be the wanted one by their digest or
// name, those with the digest in their name first. None of them is known to
// hold the right bytes. A wanted file without a digest has none, since there
// would be nothing to compare with.
func (p Places) candidates(w wanted) (paths []string) {
	if w.digest == (Digest{}) || w.size <= 0 || !filepath.IsLocal(filepath.FromSlash(w.path)) || strings.Contains(w.path, `\`) {
		return nil
	}
	add := func(path string) {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Size() == w.size && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	p.byDigest(w, add)
	p.byName(w, add)
	return paths
}

// byDigest finds files that are named by their SHA-256.
func (p Places) byDigest(w wanted, add func(path string)) {
	for _, models := range p.Ollama {
		for _, separator := range []string{"-", ":"} { // the second as its older versions had it
			add(filepath.Join(models, "blobs", "sha256"+separator+w.digest.Hex()))
		}
	}
	if p.HuggingFace == "" {
		return
	}
	for _, repository := range entriesOf(p.HuggingFace) {
		if strings.HasPrefix(repository, "models--") {
			add(filepath.Join(p.HuggingFace, repository, "blobs", w.digest.Hex()))
		}
	}
}

// byName finds files that bear the name, in folders of the repository first.
func (p Places) byName(w wanted, add func(path string)) {
	user, repo, ok := strings.Cut(w.repository, "/")
	if !isComponent(user) || !isComponent(repo) {
		ok = false
	}
	inside := filepath.FromSlash(w.path)
	_, base := filepath.Split(inside)
	if ok && p.HuggingFace != "" {
		addSnapshots(filepath.Join(p.HuggingFace, "models--"+user+"--"+repo), inside, add)
	}
	for _, cache := range p.ModelScope {
		if !ok {
			break
		}
		dotless := strings.ReplaceAll(repo, ".", "___")
		addSnapshots(filepath.Join(cache, "models", user+"--"+repo), inside, add)
		add(filepath.Join(cache, "models", user, dotless, inside))
		add(filepath.Join(cache, user, dotless, inside))
	}
	if ok && p.LlamaCpp != "" {
		add(filepath.Join(p.LlamaCpp, user+"_"+repo+"_"+strings.ReplaceAll(w.path, "/", "_")))
	}
	left := maxPlace
	for _, models := range p.LMStudio {
		if ok {
			add(filepath.Join(models, user, repo, base))
		}
		for _, u := range entriesOf(models) {
			for _, r := range entriesOf(filepath.Join(models, u)) {
				if left--; left >= 0 {
					add(filepath.Join(models, u, r, base))
				}
			}
		}
	}
}

// addSnapshots finds a file in the snapshots of a repository.
func addSnapshots(repository, inside string, add func(path string)) {
	snapshots := filepath.Join(repository, "snapshots")
	for _, revision := range entriesOf(snapshots) {
		add(filepath.Join(snapshots, revision, inside))
	}
}

// entriesOf lists what is in a folder of another program; what cannot be read
// is empty.
func entriesOf(folder string) (names []string) {
	f, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.IsDir() {
		return nil
	}
	entries, _ := f.ReadDir(maxPlace) // as many as can be read
	for _, e := range entries {
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// takeFound makes staged the wanted file from one that another program has, if
// there is one that holds the right bytes. It is shared or copied as Import
// does, and digested before it is believed; ok is false where none is right,
// and then nothing stays at path. The error is the end of ctx alone: what
// cannot be read is no file that could be taken.
func (s *Store) takeFound(ctx context.Context, w wanted, path string, report func(done int64)) (f staged, ok bool, err error) {
	for _, candidate := range s.Places.candidates(w) {
		f, err := s.bring(ctx, candidate, path, report)
		if ctx.Err() != nil {
			os.Remove(path)
			return staged{}, false, context.Cause(ctx)
		}
		if err == nil && f.Digest == w.digest && f.Size == w.size {
			return f, true, nil
		}
		os.Remove(path)
	}
	return staged{}, false, nil
}
