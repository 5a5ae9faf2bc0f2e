package blitz

// onlyGuide is a Guide that lets some tokens pass, always.
type onlyGuide func(id int32) bool

// letters lets small letters pass, where a token is a byte.
var letters = onlyGuide(func(id int32) bool { return id >= 'a' && id <= 'z' })

func (onlyGuide) Begin([]int32) error { return nil }
func (onlyGuide) Forced() []int32     { return nil }
func (onlyGuide) Accept(int32) error  { return nil }

func (g onlyGuide) Mask(mask []uint64) bool {
	for id := range int32(64 * len(mask)) {
		if !g(id) {
			mask[id/64] &^= 1 << (id % 64)
		}
	}
	return true
}
