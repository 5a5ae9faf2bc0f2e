package kernel

import (
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// Router chooses experts for a token (DeepSeek-V2 §2.1.2, V3 §2.1.2).
type Router struct {
	Sigmoid    bool      // scores by sigmoid, else by softmax over all experts
	Softplus   bool      // scores by the root of softplus (DeepSeek-V4)
	Chosen     bool      // the logits are the scores, the weights their softmax over the chosen experts
	Bias       []float32 // [E] added to scores for the choice alone, or nil
	Groups     int       // groups of experts, 0 or 1: none
	GroupsKept int       // groups that may be chosen from
	TopK       int       // experts a token gets
	Normalise  bool      // weights are divided by their sum
	Factor     float32   // routed_scaling_factor
}

// RouteScratch is the memory of one thread's routing. The zero value is ready.
type RouteScratch struct {
	score, choice []float32 // [E]
	group         []float32 // [Groups]
}

// Route writes the chosen experts in ascending order and their weights.
//
//	logits [E]   ids, weights [TopK]
func (r *Router) Route(ids []int32, weights, logits []float32, s *RouteScratch) {
	s.score = tensor.Resize(s.score, len(logits))
	r.Scores(s.score, logits)
	s.choice = append(s.choice[:0], s.score...)
	if r.Bias != nil {
		for i, b := range r.Bias {
			s.choice[i] = s.score[i] + b
		}
	}
	if r.Groups > 1 {
		r.dropGroups(s)
	}
	for i := range ids {
		ids[i] = int32(takeBest(s.choice))
	}
	sortIDs(ids)
	r.weigh(ids, weights, s.score)
}

// Weigh writes the weights of experts that were chosen otherwise.
//
//	logits [E]   ids, weights [TopK]   ids ascend
func (r *Router) Weigh(ids []int32, weights, logits []float32, s *RouteScratch) {
	s.score = tensor.Resize(s.score, len(logits))
	r.Scores(s.score, logits)
	r.weigh(ids, weights, s.score)
}

// weigh writes the weights of the chosen experts. score [E]
func (r *Router) weigh(ids []int32, weights, score []float32) {
	for i, id := range ids {
		weights[i] = score[id]
	}
	if r.Chosen {
		Softmax(weights, weights)
	}
	if r.Normalise {
		sum := LaneSum(weights)
		if r.Sigmoid || r.Softplus {
			sum += 1e-20
		}
		for i := range weights {
			weights[i] /= sum
		}
	}
	for i := range weights {
		weights[i] *= r.Factor
	}
}

// Scores writes the scores of all experts. score, logits [E]
func (r *Router) Scores(score, logits []float32) {
	switch {
	case r.Chosen:
		copy(score, logits)
	case r.Sigmoid:
		SigmoidAll(score, logits)
	case r.Softplus:
		for i, z := range logits {
			score[i] = sqrt(Softplus(z))
		}
	default:
		Softmax(score, logits)
	}
}

// Backward adds the gradient of the weights that Route gave to dlogits: through scores and
// normalisation, not through the choice. dscore is what scores have from elsewhere, and is
// written over.
//
//	dlogits, dscore, score, tmp [E]   ids, dweights [TopK]
func (r *Router) Backward(dlogits, dscore, score, tmp []float32, ids []int32, dweights []float32) {
	sum, own := float32(1), float32(0)
	if r.Normalise {
		sum = 0
		for _, id := range ids {
			sum += score[id]
		}
		if r.Sigmoid {
			sum += 1e-20
		}
		for k, id := range ids {
			own += float32(dweights[k] * (score[id] / sum))
		}
	}
	for k, id := range ids {
		dscore[id] += float32(r.Factor*(dweights[k]-own)) / sum
	}
	if r.Sigmoid {
		for i, v := range score {
			dlogits[i] += float32(dscore[i] * float32(v*(1-v)))
		}
		return
	}
	mean := LaneDot(dscore, score)
	for i, v := range score {
		tmp[i] = float32(v * (dscore[i] - mean))
	}
	Add(dlogits, dlogits, tmp)
}

// dropGroups makes the experts of all but the best groups impossible to choose. A
// group scores by its best expert in softmax models, by the sum of its two best
// in sigmoid models.
func (r *Router) dropGroups(s *RouteScratch) {
	size := len(s.choice) / r.Groups
	s.group = tensor.Resize(s.group, r.Groups)
	for g := range r.Groups {
		best, second := negInf, negInf
		for _, v := range s.choice[g*size : (g+1)*size] {
			switch {
			case v > best:
				best, second = v, best
			case v > second:
				second = v
			}
		}
		s.group[g] = best
		if r.Sigmoid {
			s.group[g] = best + second
		}
	}
	for range r.GroupsKept {
		s.group[takeBest(s.group)] = float32(math.NaN()) // taken
	}
	for g, v := range s.group {
		if v == v {
			fill(s.choice[g*size:(g+1)*size], negInf)
		}
	}
}

var negInf = float32(math.Inf(-1))

// takeBest returns the index of the greatest value, the lowest of equal ones, and
// makes that value NaN, which is never chosen again.
func takeBest(x []float32) int {
	best := -1
	for i, v := range x {
		if v == v && (best < 0 || v > x[best]) {
			best = i
		}
	}
	if best >= 0 {
		x[best] = float32(math.NaN())
	}
	return max(best, 0)
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// sortIDs sorts a few ids in ascending order.
func sortIDs(ids []int32) {
	for i := 1; i < len(ids); i++ {
		for j := i; j > 0 && ids[j] < ids[j-1]; j-- {
			ids[j], ids[j-1] = ids[j-1], ids[j]
		}
	}
}
