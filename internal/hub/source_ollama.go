package hub

import (
	"context"
	"strings"
)

// parseOllama reads NAME[:TAG], where NAME may have a namespace in front.
func parseOllama(text string) (Source, error) {
	name, tag, tagged := strings.Cut(text, ":")
	for c := range strings.SplitSeq(name, "/") {
		if !isComponent(c) || len(name) > maxName {
			return malformed("ollama:"+text, "ollama:NAME[:TAG]")
		}
	}
	if tagged && !isComponent(tag) {
		return malformed("ollama:"+text, "ollama:NAME[:TAG]")
	}
	return Source{Kind: KindOllama, Name: name, Tag: tag}, nil
}

// pullOllama is where fetching from that registry belongs.
func (s *Store) pullOllama(_ context.Context, src Source, _ *meter) (*Model, error) {
	return nil, notFetched(src, "ollama")
}
