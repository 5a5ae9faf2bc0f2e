// Package model holds the architectures: one file each that reads like its paper,
// on a small set of coarse operations, one file each too.
//
// Adding an architecture: a file with its family, which says all that sets it apart from
// others (its names, what its configuration leaves out, how both kinds of files tell it),
// its layer, a bind function that ties the weights to fields, and a forward function; a
// name in families.
//
// An operation is a method of Step and the record that it fills: a small type with its
// inputs, outputs and weights, and what it does to a row or an item. Step hands the
// rows out to threads. Records are there for whoever wants to know what a step does:
// the Meter reads their work, Step.Record is handed each, in order, with operands that
// stay as they are until the step is over. So a forward function is written once, for
// whoever runs it and for whoever differentiates it.
//
// Adding an operation: its method, its record and what the record does in the file of
// its noun, with shapes and the source of the formula; a line in records
// (operation.go). A matrix product is no new operation: see products.
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
//	k^R                   kv_a_proj_with_mqa, roped      –                       kR
//	H^I, d^I              index_n_heads, index_head_dim  attention.indexer.…     IndexNHeads, IndexHeadDim
//	q^I, k^I, w^I         indexer.wq_b wk weights_proj   indexer.attn_q_b …      Indexer.Q K Weights
//	M                     eh_proj                        nextn.eh_proj           mtp.proj
//	n_hc, C               hc_mult, hc_*_fn base scale    hyper_connection.count  HCMult, Hyper
//	m, entries            compress_ratios, compressor    attn_compressor_…       CompressRatios, Compressor
//
// Dimensions are one letter everywhere: T tokens of a step, D width, H heads, HKV
// heads of keys and values, V vocabulary, E experts, K of them for a token, I width
// inside an MLP. In latent attention P, R, V and C: see Latent.
package model
