package catalogue

// Choose returns the source to take of a model: the largest whose size fits says fit, or
// nil where none fits. Of sources of the same size the first counts; those of unknown size
// do not.
func (m *Model) Choose(fits func(size int64) bool) *Source {
	var best *Source
	for i := range m.Sources {
		s := &m.Sources[i]
		if s.Size > 0 && fits(s.Size) && (best == nil || s.Size > best.Size) {
			best = s
		}
	}
	return best
}

// Smallest returns the smallest size that is known, 0 where none is.
func (m *Model) Smallest() (size int64) {
	for _, s := range m.Sources {
		if s.Size > 0 && (size == 0 || s.Size < size) {
			size = s.Size
		}
	}
	return size
}

// Quantization returns what the source's label says of it, "" where it has none.
func (s Source) Quantization() string {
	switch s.Source.Kind {
	case "hf", "modelscope":
		return s.Source.Tag
	}
	return ""
}
