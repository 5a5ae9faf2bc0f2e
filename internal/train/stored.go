package train

import "github.com/blitz-r1/blitz/internal/model"

// Stored returns the numbers that a weight has now, as its file has them.
func Stored(w *model.Weight) []float32 { return stored(w, w.Values()) }
