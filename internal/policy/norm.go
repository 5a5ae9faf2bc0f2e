package policy

// A Norm says what is averaged over what. P are the groups that are kept, G the sequences of
// the group, n the counted tokens of a sequence.
type Norm string

// The norms.
const (
	NormSequence    Norm = "sequence"     // 1/(P G n): GRPO
	NormConstant    Norm = "constant"     // 1/(P G MaxTokens): Dr. GRPO
	NormGroupTokens Norm = "group_tokens" // 1/(P sum of n of the group): DAPO, CISPO
	NormBatchTokens Norm = "batch_tokens" // 1/(sum of n of the batch)
	NormAnswers     Norm = "answers"      // 1/(P G): the whole answer is one action, RLOO
)

// weight returns w of the tokens of a sequence, of which there is one at least.
func (l *Loss) weight(kept, sequences, n, group, batch int) float64 {
	switch p := float64(kept); l.Norm {
	case NormConstant:
		return 1 / float64(float64(p*float64(sequences))*float64(l.MaxTokens))
	case NormGroupTokens:
		return 1 / float64(p*float64(group))
	case NormAnswers:
		return 1 / float64(p*float64(sequences))
	case NormBatchTokens:
		return 1 / float64(batch)
	default:
		return 1 / float64(float64(p*float64(sequences))*float64(n))
	}
}
