package policy

import (
	"fmt"
	"slices"
)

// A Loss is a choice of parts.
type Loss struct {
	Scale   Scale
	StdDDoF int     // 1: of a sample; 0: of all there is
	StdEps  float64 // added to the standard deviation

	Overlong        Overlong
	Dynamic         bool // groups that are all right or all wrong are dropped
	FilterTruncated bool // tokens of truncated sequences do not count; their rewards do

	Level Level
	Term  Term
	Clip  Clip
	// OffPolicy leaves out sequences whose mean of log old/new is above OffPolicyDelta and
	// whose advantage is below 0.
	OffPolicy      bool
	OffPolicyDelta float64

	Beta float64 // weight of the distance from the reference
	KL   KL

	Norm      Norm
	MaxTokens int     // of NormConstant
	Cap       float64 // what logarithms of ratios are held within

	kl string // the name of KL
}

// The usual numbers.
const (
	defaultEps    = 0.2
	defaultStdEps = 1e-4
	defaultCap    = 20
)

// GRPO returns group relative policy optimisation: Shao et al. 2024 (DeepSeekMath), equation
// 3; DeepSeek-R1 2025, equation 1, has LevelSequence and a clip of 10.
func GRPO() Loss {
	return Loss{
		Scale: ScaleStd, StdDDoF: 1, StdEps: defaultStdEps, Level: LevelToken, Term: Clipped, Clip: Clip{Low: defaultEps, High: defaultEps},
		Beta: 0.001, KL: K3, kl: "k3", Norm: NormSequence, Cap: defaultCap,
	}
}

// DrGRPO returns GRPO without the division by lengths and deviations, which favour long
// wrong answers and very easy or hard questions: Liu et al. 2025, section 3. MaxTokens is to
// be set.
func DrGRPO() Loss {
	l := GRPO()
	l.Scale, l.Norm, l.Beta = ScaleNone, NormConstant, 0
	return l
}

// DAPO returns decoupled clip and dynamic sampling policy optimisation: Yu et al. 2025,
// equation 8.
func DAPO() Loss {
	l := GRPO()
	l.Clip.High, l.Norm, l.Dynamic, l.Beta = 0.28, NormGroupTokens, true, 0
	return l
}

// GSPO returns group sequence policy optimisation: Zheng et al. 2025, equation 5.
func GSPO() Loss {
	l := GRPO()
	l.Level, l.Clip, l.Beta = LevelMean, Clip{Low: 3e-4, High: 4e-4}, 0
	return l
}

// CISPO returns clipped importance sampling policy optimisation: MiniMax 2025 (MiniMax-M1),
// equation 4.
func CISPO() Loss {
	l := GRPO()
	l.Term, l.Clip, l.Norm, l.Beta = Weighted, Clip{High: 2, NoLow: true}, NormGroupTokens, 0
	return l
}

// RLOO returns REINFORCE with leave-one-out: Ahmadian et al. 2024, equation 8. It takes the
// answers for the policy's own.
func RLOO() Loss {
	l := GRPO()
	l.Scale, l.Term, l.Norm, l.Beta = ScaleOthers, Plain, NormAnswers, 0
	return l
}

// Distill returns on-policy distillation: the divergence of the policy from a teacher, which
// is the reference, on the policy's own tokens (Agarwal et al. 2024; Gu et al. 2024, equation
// 1). Rewards do not count.
func Distill() Loss {
	l := GRPO()
	l.Term, l.Norm, l.Beta, l.KL, l.kl = None, NormBatchTokens, 1, K2, "k2"
	return l
}

// Kinds are the names of the variants.
var Kinds = []string{"grpo", "dr_grpo", "dapo", "gspo", "cispo", "rloo", "distill"}

// Named returns a variant by its name.
func Named(kind string) (Loss, error) {
	switch kind {
	case "grpo":
		return GRPO(), nil
	case "dr_grpo":
		return DrGRPO(), nil
	case "dapo":
		return DAPO(), nil
	case "gspo":
		return GSPO(), nil
	case "cispo":
		return CISPO(), nil
	case "rloo":
		return RLOO(), nil
	case "distill":
		return Distill(), nil
	}
	return Loss{}, fmt.Errorf("kind is %.40q, want one of %v", kind, Kinds)
}

// maxCap keeps e^Cap a number.
const maxCap = 700

// check says what of a loss means nothing.
func (l *Loss) check() error {
	switch {
	case !slices.Contains([]Scale{ScaleStd, ScaleBatch, ScaleNone, ScaleOthers}, l.Scale):
		return fmt.Errorf("scale is %.40q, want std, batch, none or others", l.Scale)
	case !slices.Contains([]Level{LevelToken, LevelSequence, LevelMean}, l.Level):
		return fmt.Errorf("level is %.40q, want token, sequence or mean", l.Level)
	case !slices.Contains([]Norm{NormSequence, NormConstant, NormGroupTokens, NormBatchTokens, NormAnswers}, l.Norm):
		return fmt.Errorf("norm is %.40q, want sequence, constant, group_tokens, batch_tokens or answers", l.Norm)
	case l.Norm == NormConstant && l.MaxTokens < 1:
		return fmt.Errorf("max_tokens is %d, want 1 or more with norm constant", l.MaxTokens)
	case l.StdDDoF != 0 && l.StdDDoF != 1:
		return fmt.Errorf("std_ddof is %d, want 0 or 1", l.StdDDoF)
	case !(l.StdEps >= 0 && isFinite(l.StdEps)):
		return fmt.Errorf("std_eps is %g, want 0 or more", l.StdEps)
	case !(l.Clip.Low >= 0 && isFinite(l.Clip.Low)):
		return fmt.Errorf("eps_low is %g, want 0 or more", l.Clip.Low)
	case !(l.Clip.High >= 0 && isFinite(l.Clip.High)):
		return fmt.Errorf("eps_high is %g, want 0 or more", l.Clip.High)
	case !(l.Beta >= 0 && isFinite(l.Beta)):
		return fmt.Errorf("beta is %g, want 0 or more", l.Beta)
	case !(l.Cap > 0 && l.Cap <= maxCap):
		return fmt.Errorf("cap is %g, want more than 0 and %d at most", l.Cap, maxCap)
	case l.Overlong != (Overlong{}) && (l.Overlong.Max < 1 || l.Overlong.Cache < 0 || l.Overlong.Cache > l.Overlong.Max):
		return fmt.Errorf("overlong is max %d, cache %d, want 1 or more and a cache of 0 to that", l.Overlong.Max, l.Overlong.Cache)
	case l.OffPolicy && !isFinite(l.OffPolicyDelta):
		return fmt.Errorf("off_policy_delta is %g: %w", l.OffPolicyDelta, ErrNotFinite)
	case l.kl == klUnbiased && l.Level == LevelSequence:
		return fmt.Errorf("kl is unbiased, which is a token's, and level is sequence: want token or mean")
	}
	return nil
}

// klUnbiased is the name of Unbiased.
const klUnbiased = "unbiased"

// UseKL chooses how the distance from the reference is estimated: k3 or unbiased.
func (l *Loss) UseKL(name string) error {
	switch name {
	case "k3":
		l.KL = K3
	case klUnbiased:
		l.KL = Unbiased
	default:
		return fmt.Errorf("kl is %.40q, want k3 or unbiased", name)
	}
	l.kl = name
	return nil
}
