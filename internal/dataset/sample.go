package dataset

import "slices"

// Sample is token ids, and which of them the model is to learn: to predict from those
// before. The first is predicted by nothing, whatever Learned says.
type Sample struct {
	IDs     []int32 // [n]
	Learned []bool  // [n]
	Role    Role
}

// cut returns the first n tokens.
func (s Sample) cut(n int) Sample { return Sample{s.IDs[:n], s.Learned[:n], s.Role} }

// targets counts the tokens that are predicted.
func (s Sample) targets() int {
	n := 0
	for i := 1; i < len(s.Learned); i++ {
		if s.Learned[i] {
			n++
		}
	}
	return n
}

// Samples are samples that lie behind each other.
type Samples struct {
	IDs     []int32 // of all
	Learned []bool  // of all
	Ends    []int   // sample i ends before IDs[Ends[i]]
	Origin  []Place // [samples]
	Roles   []Role  // [samples] of preferences, which are samples in twos; nil: all are Plain
}

// Place is where a sample comes from.
type Place struct {
	File int32 // in Set.Files
	Line int32
}

// maxTokens bounds the tokens of a set of samples: at 5 bytes each they have room.
const maxTokens = 1 << 31

// Len returns how many samples there are.
func (s *Samples) Len() int { return len(s.Ends) }

// At returns sample i, which is not to be changed.
func (s *Samples) At(i int) Sample {
	from := 0
	if i > 0 {
		from = s.Ends[i-1]
	}
	to := s.Ends[i]
	x := Sample{IDs: s.IDs[from:to:to], Learned: s.Learned[from:to:to]}
	if s.Roles != nil {
		x.Role = s.Roles[i]
	}
	return x
}

// Size returns the number of tokens of sample i.
func (s *Samples) Size(i int) int { return len(s.At(i).IDs) }

// Targets returns how many tokens of all samples are learned: those of mismatched ones are
// not.
func (s *Samples) Targets() int {
	n := 0
	for i := range s.Len() {
		if x := s.At(i); x.Role != Mismatched {
			n += x.targets()
		}
	}
	return n
}

// together is how many samples stay together: the two of a preference, or one.
func (s *Samples) together() int {
	if s.Roles != nil {
		return 2
	}
	return 1
}

// Units returns how many samples or preferences there are: what is packed as one.
func (s *Samples) Units() int { return s.Len() / s.together() }

// UnitSize returns the number of tokens of unit i, which is samples i·k to i·k+k-1.
func (s *Samples) UnitSize(i int) int {
	k, from := s.together(), 0
	if i > 0 {
		from = s.Ends[i*k-1]
	}
	return s.Ends[i*k+k-1] - from
}

func (s *Samples) add(x Sample, at Place) error {
	if len(s.IDs)+len(x.IDs) > maxTokens {
		return badSet("the examples have more than %d tokens", maxTokens)
	}
	s.IDs = append(s.IDs, x.IDs...)
	s.Learned = append(s.Learned, x.Learned...)
	s.Ends = append(s.Ends, len(s.IDs))
	s.Origin = append(s.Origin, at)
	if x.Role != Plain {
		s.Roles = append(s.Roles, x.Role)
	}
	return nil
}

// Lengths are the sizes of samples, in tokens.
type Lengths struct {
	Least  int `json:"least"`
	Median int `json:"median"`
	Most9  int `json:"nine_tenths"` // nine of ten are no longer
	Most   int `json:"most"`
	Sum    int `json:"sum"`
}

func lengthsOf(sizes []int) (l Lengths) {
	if len(sizes) == 0 {
		return l
	}
	sizes = slices.Clone(sizes)
	slices.Sort(sizes)
	for _, n := range sizes {
		l.Sum += n
	}
	n := len(sizes)
	l.Least, l.Median, l.Most9, l.Most = sizes[0], sizes[(n-1)/2], sizes[(9*n+9)/10-1], sizes[n-1]
	return l
}
