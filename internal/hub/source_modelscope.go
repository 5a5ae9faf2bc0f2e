package hub

import (
	"context"
	"strings"
)

// modelScopePrefix begins a source of ModelScope.
const modelScopePrefix = "modelscope.cn/"

// parseModelScope reads USER/REPO[:QUANT].
func parseModelScope(text string) (Source, error) {
	repository, quant, tagged := strings.Cut(text, ":")
	user, repo, ok := strings.Cut(repository, "/")
	if !ok || !isComponent(user) || !isComponent(repo) || tagged && !isComponent(quant) {
		return malformed(modelScopePrefix+text, modelScopePrefix+"USER/REPO[:QUANT]")
	}
	return Source{Kind: KindModelScope, Name: repository, Tag: quant}, nil
}

// pullModelScope is where fetching from ModelScope belongs.
func (s *Store) pullModelScope(_ context.Context, src Source, _ *meter) (*Model, error) {
	return nil, notFetched(src, "modelscope.cn")
}
