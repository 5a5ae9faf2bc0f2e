package engine

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// network is what steps compute: a model, or in a simulation something that takes no
// time.
type network interface {
	CacheLayers(kernel.CacheKind) []kvcache.Layer
	DefaultCache() kernel.CacheKind
	CheckTokens(ids []int32) error
	Forward(*model.Step, *model.Batch) *model.Act
	Logits(s *model.Step, hidden *model.Act, from, to int) *model.Act
	Project(s *model.Step, x []float32) []float32
	Draft(*model.Step, *model.Batch, *model.Act) *model.Act
	DraftLogits(s *model.Step, hidden *model.Act, from, to int) *model.Act
}
