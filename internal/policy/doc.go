// Package policy holds the losses of reinforcement learning from verifiable rewards and
// those of preferences: what a batch of answers says of their log-probabilities.
//
// A loss is made of parts, each a function with its formula and source: how rewards become
// advantages (advantage.go), what a token is worth (term.go), how far the policy may go from
// a reference (kl.go), and what is averaged over what (norm.go). A variant is a choice of
// parts (variants.go). Loss.Compute puts them together:
//
//	loss = sum w (-term + beta kl)
//
// Beside those stand the losses of preferences, which are of whole answers that somebody
// preferred to others (DPO) or found desirable or not (KTO); preference.go has what they share.
//
// All is float64 of which every product is rounded, in one order: the same bits everywhere.
package policy
