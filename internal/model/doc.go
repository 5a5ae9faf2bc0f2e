// Package model holds the architectures: one file each that reads like its paper,
// on a small set of coarse operations, one file each too.
//
// Adding an architecture: a file with its layer, a bind function that ties the
// weights to fields, and a forward function; its names in names.go; a line in
// families; how its configuration is read in config_hf.go and config_gguf.go.
//
// Names of the papers, and what the files and this package call them:
//
//	paper                 Hugging Face                   GGUF                    Go
//	d_h                   head_dim                       attention.key_length    HeadDim
//	W^Q W^K W^V W^O       q_proj k_proj v_proj o_proj    attn_q … attn_output    Q K V O
//	E, N_r                num_experts, n_routed_experts  expert_count            NumExperts
//	K, K_r                num_experts_per_tok            expert_used_count       NumExpertsPerTok
//	N_s                   n_shared_experts               expert_shared_count     NumSharedExperts
//	b_i                   e_score_correction_bias        exp_probs_b             Router.Bias
//	d_c, c^KV             kv_lora_rank                   attention.kv_lora_rank  KVLoraRank, cKV
//	d'_c, c^Q             q_lora_rank                    attention.q_lora_rank   QLoraRank, cQ
//	d_h, d_h^R            qk_nope_ and qk_rope_head_dim  rope.dimension_count    QKNopeHeadDim, QKRopeHeadDim
//	W^DQ W^UQ             q_a_proj q_b_proj              attn_q_a attn_q_b       QA Q
//	W^DKV                 kv_a_proj_with_mqa             attn_kv_a_mqa           KVA
//	W^UK, W^UV            kv_b_proj                      attn_k_b attn_v_b       UK UV
//
// Dimensions are one letter everywhere: T tokens of a step, D width, H heads, HKV
// heads of keys and values, V vocabulary, E experts, I width inside an MLP.
package model
