// Package grpo trains a model by reinforcement learning from rewards that a program gives:
// groups of answers to each problem are drawn, judged, and made likelier or less likely by how
// they compare with the others of their group (Shao et al. 2024, DeepSeekMath; DeepSeek-R1 2025).
//
// Answers come from an engine on the very weights that are trained, and the log-probabilities
// that it drew them with are, bit for bit, those that the trainer computes: every first update
// behind a rollout asserts it (Policy.Learn), so that what is learned is exactly on-policy. The
// experts that a token went to are those of the rollout for the same reason; later updates, whose
// weights are others, replay them.
//
//	Rollout   answers of an engine, with their log-probabilities
//	Policy    an engine and a trainer on the same weights
//	Course    a run: problems, groups, steps, states, what is written down
package grpo
