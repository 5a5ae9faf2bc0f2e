// Package recipe makes a model that reasons of random weights, by the stages of DeepSeek-R1
// (DeepSeek-AI 2025, section 2): a base model, R1-Zero, a cold start from R1-Zero's own readable
// answers, reinforcement learning with a reward for consistent language, rejection sampling and
// fine-tuning, reinforcement learning on all tasks, and the distillation into a dense student,
// whose last steps begin with weights in bfloat16, so that whoever has those can take them again.
// Beside them stand what the paper compares with: reinforcement learning of the student itself,
// and supervised learning alone, at equal compute.
//
// The tasks are Countdown and arithmetic, a token a character. The language of reasoning is a
// word at the end of each line of a search, which the base model learns in two scripts, and
// mixes.
//
// Each stage is a run of package course or grpo in a folder of its own, with its examples or
// problems as JSON lines, and goes on from its last state: a run that is killed at any moment
// goes on with the same command, to the same bits. Everything is drawn from a seed. Multisets of
// numbers that task.HeldOut names are never trained on.
//
//	Settings     all there is to a run, as its TOML has it
//	corpus       what base models read: lines, guesses, searches (corpus.go, search.go)
//	stage        what is done, and in which folder (stage.go)
//	Score        what a model is like behind a stage (score.go, table.go)
package recipe
