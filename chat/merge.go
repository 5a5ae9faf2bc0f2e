package chat

// Merge sets all entries of other, which may be nil.
func (d *Dict) Merge(other *Dict) { d.adopt(other) }
