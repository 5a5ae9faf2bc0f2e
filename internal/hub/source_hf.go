package hub

import "strings"

// parseHuggingFace reads USER/REPO[:QUANT].
func parseHuggingFace(text string) (Source, error) {
	repository, quant, tagged := strings.Cut(text, ":")
	user, repo, ok := strings.Cut(repository, "/")
	if !ok || !isComponent(user) || !isComponent(repo) || tagged && !isComponent(quant) {
		return malformed("hf.co/"+text, "hf.co/USER/REPO[:QUANT]")
	}
	return Source{Kind: KindHuggingFace, Name: repository, Tag: quant}, nil
}

// pullHuggingFace is where fetching from hf.co belongs.
func (s *Store) pullHuggingFace(src Source) (*Model, error) {
	return nil, notFetched(src, "hf.co")
}
