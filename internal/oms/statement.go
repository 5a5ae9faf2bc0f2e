package oms

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/signed"
)

// Bounds of a statement.
const (
	maxResources = 1_000_000
	maxName      = 4096 // bytes
	maxIgnored   = 10_000
)

// Statement is what a signature of a model says.
type Statement struct {
	Name      string // of the model, which is not relied on
	Root      string
	Resources []Resource // as listed
	Ignored   []string   // paths that were left out
	shard     int64      // bytes of a shard; 0: resources are files
}

// Resource is a file, or a shard of one.
type Resource struct {
	Name       string
	Digest     [sha256.Size]byte
	start, end int64 // of a shard
}

// NewStatement returns the statement of a model's files.
func NewStatement(name string, files []checkpoint.Resource, ignored []string) *Statement {
	s := &Statement{Name: name, Root: checkpoint.Root(files).String(), Ignored: slices.Sorted(slices.Values(ignored))}
	for _, f := range files {
		s.Resources = append(s.Resources, Resource{Name: f.Name, Digest: f.Digest})
	}
	slices.SortFunc(s.Resources, func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// payload returns what is signed.
func (s *Statement) payload() []byte {
	resources, ignored := signed.List{}, signed.List{}
	for _, r := range s.Resources {
		resources = append(resources, signed.Object{{Name: "algorithm", Value: "sha256"}, {Name: "digest", Value: hex.EncodeToString(r.Digest[:])}, {Name: "name", Value: r.Name}})
	}
	for _, p := range s.Ignored {
		ignored = append(ignored, p)
	}
	st := signed.Statement{
		Subject: []signed.Subject{{Name: s.Name, SHA256: s.Root}}, PredicateType: predicateType,
		Predicate: signed.Object{
			{Name: "resources", Value: resources},
			{Name: "serialization", Value: signed.Object{
				{Name: "allow_symlinks", Value: false},
				{Name: "hash_type", Value: "sha256"},
				{Name: "ignore_paths", Value: ignored},
				{Name: "method", Value: "files"},
			}},
		},
	}
	return st.Canonical()
}

// readStatement reads a payload whose signature was checked, and computes the root
// again. What a later version adds to the predicate is passed over (OMS 5.2).
func readStatement(payload []byte) (*Statement, error) {
	v, err := signed.Parse(payload, MaxBundle)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "statement")
	f.TypeIs("_type", signed.StatementType)
	f.TypeIs("predicateType", predicateType)
	s := &Statement{}
	subjects := f.Objects("subject", 16)
	if f.Err() == nil && len(subjects) != 1 {
		f.Refuse(signed.Form, "subject", "%d of them, want one", len(subjects))
	}
	if f.Err() == nil {
		s.Root = subjects[0].Object("digest").Digest("sha256")
	}
	predicate := f.Object("predicate")
	method, hash := s.readSerialization(predicate.Object("serialization"))
	for _, r := range predicate.Objects("resources", maxResources) {
		s.Resources = append(s.Resources, s.readResource(r, method, hash))
		if f.Err() != nil {
			break
		}
	}
	if f.Err() == nil && len(s.Resources) == 0 {
		predicate.Refuse(signed.Form, "resources", "none")
	}
	if f.Err() != nil {
		return nil, f.Err()
	}
	if err := s.checkRanges(); err != nil {
		return nil, err
	}
	h := sha256.New()
	for i := range s.Resources {
		h.Write(s.Resources[i].Digest[:])
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != s.Root {
		return nil, signed.Refuse(signed.Root, "statement.subject: the resources have the root %s, it says %s", got, s.Root)
	}
	return s, nil
}

// readSerialization returns how files became resources.
func (s *Statement) readSerialization(f *signed.Fields) (method, hash string) {
	method = f.Choice("method", "files", "shards")
	hash = f.Text("hash_type", 1, 64)
	if hash != "sha256" && f.Err() == nil {
		f.Refuse(signed.Algorithm, "hash_type", "%q, want sha256", hash)
	}
	if f.Has("allow_symlinks") {
		switch v := f.Value("allow_symlinks").(type) {
		case bool:
			if v {
				f.Refuse(signed.Link, "allow_symlinks", "true: a link may be changed without a trace")
			}
		default:
			f.Refuse(signed.Form, "allow_symlinks", "want false")
		}
	}
	if method == "shards" {
		s.shard = readShardSize(f)
	}
	if f.Has("ignore_paths") {
		for i, v := range f.List("ignore_paths", maxIgnored) {
			p, ok := v.(string)
			if err := checkIgnored(p); !ok || err != nil {
				f.Refuse(signed.Path, "ignore_paths["+strconv.Itoa(i)+"]", "%.80q, want a relative path without patterns", p)
			}
			s.Ignored = append(s.Ignored, p)
		}
	}
	return method, hash
}

// readShardSize reads a positive integer, which model-signing writes as 2.0 where it is 2.
func readShardSize(f *signed.Fields) int64 {
	n, _ := f.Value("shard_size").(signed.Number)
	size, ok := signed.Number(strings.TrimSuffix(string(n), ".0")).Int()
	if !ok || size < 1 {
		f.Refuse(signed.Form, "shard_size", "%.40q, want a number of bytes", string(n))
		return 0
	}
	return size
}

// readResource reads one resource.
func (s *Statement) readResource(f *signed.Fields, method, hash string) (r Resource) {
	name, _ := f.Value("name").(string)
	algorithm, _ := f.Value("algorithm").(string)
	if algorithm != hash && !(method == "shards" && algorithm == hash+"-sharded-"+strconv.FormatInt(s.shard, 10)) {
		f.Refuse(signed.Algorithm, "algorithm", "%.40q, want %s", algorithm, hash)
	}
	digest, _ := hex.DecodeString(f.Digest("digest"))
	copy(r.Digest[:], digest)
	if r.Name = name; method == "shards" {
		var ok bool
		if r.Name, r.start, r.end, ok = cutRange(name); !ok || r.end-r.start > s.shard {
			f.Refuse(signed.Form, "name", "%.80q, want PATH:START:END of at most %d bytes", name, s.shard)
		}
	}
	if err := checkName(r.Name); err != "" {
		f.Refuse(signed.Path, "name", "%.80q: %s", name, err)
	}
	return r
}

// cutRange cuts the range off the name of a shard: the last two numbers.
func cutRange(name string) (path string, start, end int64, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if i < 0 {
		return "", 0, 0, false
	}
	j := strings.LastIndexByte(name[:i], ':')
	if j < 0 {
		return "", 0, 0, false
	}
	start, one := signed.Number(name[j+1 : i]).Int()
	end, two := signed.Number(name[i+1:]).Int()
	return name[:j], start, end, one && two && start >= 0 && end >= start
}

// checkName says what is wrong with the name of a file; "" where nothing is.
func checkName(name string) string {
	switch {
	case name == ".":
		return "" // a model of one file
	case name == "" || len(name) > maxName:
		return "want 1 to 4096 bytes"
	case strings.ContainsAny(name, "\\\x00"):
		return "a backslash or NUL"
	case len(name) > 2 && name[1] == ':' && name[2] == '/' && name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z':
		return "a drive"
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == "" || e == "." || e == ".." {
			return "want a relative path without . and .."
		}
	}
	return ""
}

// checkIgnored says what is wrong with a path that is left out.
func checkIgnored(path string) error {
	if checkName(path) != "" || path == "." || strings.ContainsAny(path, "*?[]") {
		return signed.Refuse(signed.Path, "%.80q, want a relative path without patterns", path)
	}
	return nil
}

// checkRanges refuses a name twice; of shards, those that do not follow each other from
// the file's beginning on.
func (s *Statement) checkRanges() error {
	sorted := slices.SortedFunc(slices.Values(s.Resources), func(a, b Resource) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.start, b.start))
	})
	for i, r := range sorted {
		first := i == 0 || sorted[i-1].Name != r.Name
		switch {
		case s.shard == 0 && !first:
			return signed.Refuse(signed.Form, "statement.predicate.resources: %q twice", r.Name)
		case s.shard > 0 && first && r.start != 0, s.shard > 0 && !first && r.start != sorted[i-1].end:
			return signed.Refuse(signed.Form, "statement.predicate.resources: %q: a shard from %d, want each to begin where the one before ends", r.Name, r.start)
		case s.shard > 0 && !first && (r.end == r.start || sorted[i-1].end-sorted[i-1].start != s.shard):
			return signed.Refuse(signed.Form, "statement.predicate.resources: %q: shards that are not of %d bytes", r.Name, s.shard)
		}
	}
	return nil
}
