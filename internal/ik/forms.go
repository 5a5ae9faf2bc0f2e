package ik

import (
	"math"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// widen returns the bits of a float16 as float32.
func widen(x uint16) uint32 { return math.Float32bits(quant.F16ToF32(x)) }

// forms are the types of files by name. _R8 have eight rows interleaved.
var forms = map[string]Form{
	"IQ2_KS":  {Type: tensor.IQ2_KS, rows: 1, meta: 2, size: 70},
	"IQ2_KL":  {Type: tensor.IQ2_KL, rows: 1, meta: 2, size: 86},
	"IQ3_KS":  {Type: tensor.IQ3_KS, rows: 1, meta: 2, size: 102},
	"IQ4_KS":  {Type: tensor.IQ4_KS, rows: 1, meta: 4, size: 136},
	"IQ4_KSS": {Type: tensor.IQ4_KSS, rows: 1, meta: 4, size: 128},
	"IQ5_KS":  {Type: tensor.IQ5_KS, rows: 1, meta: 4, size: 168},
	"IQ1_KT":  {Type: tensor.IQ1_KT, rows: 1, meta: 4, size: 56},
	"IQ2_KT":  {Type: tensor.IQ2_KT, rows: 1, meta: 4, size: 68},
	"IQ3_KT":  {Type: tensor.IQ3_KT, rows: 1, meta: 4, size: 100},
	"IQ4_KT":  {Type: tensor.IQ4_KT, rows: 1, meta: 4, size: 128},

	"Q4_0_R8":    {Type: tensor.Q4_0, rows: 8, size: 18, take: takeQ4_0, put: putQ4_0},
	"Q5_0_R4":    {Type: tensor.Q5_0, rows: 4, size: 22, take: takeQ5_0, put: putQ5_0},
	"Q6_0_R4":    {Type: tensor.Q6_0, rows: 4, size: 26, take: takeQ6_0, put: putQ6_0},
	"Q8_0_R8":    {Type: tensor.Q8_0, rows: 8, size: 34, take: takeQ8_0, put: putQ8_0},
	"IQ4_NL_R4":  {Type: tensor.IQ4_NL, rows: 4, size: 18, take: takeIQ4_NL, put: putQ4_0},
	"MXFP4_R8":   {Type: tensor.MXFP4, rows: 8, size: 17, take: takeMXFP4, put: putMXFP4},
	"Q2_K_R4":    {Type: tensor.Q2_K, rows: 4, size: 84, take: takeQ2_K, put: putQ2_K},
	"Q3_K_R4":    {Type: tensor.Q3_K, rows: 4, size: 110, take: takeQ3_K, put: putQ3_K},
	"Q4_K_R4":    {Type: tensor.Q4_K, rows: 4, size: 144, take: takeQ4_K, put: putQ4_K},
	"Q5_K_R4":    {Type: tensor.Q5_K, rows: 4, size: 176, take: takeQ5_K, put: putQ5_K},
	"Q6_K_R4":    {Type: tensor.Q6_K, rows: 4, size: 210, take: takeQ6_K, put: putQ6_K},
	"IQ4_XS_R8":  {Type: tensor.IQ4_XS, rows: 8, size: 136, take: takeIQ4_XS, put: putIQ4_XS},
	"IQ2_K_R4":   {Type: tensor.IQ2_K, rows: 4, size: 76, take: takeIQ2_K, put: putIQ2_K},
	"IQ3_K_R4":   {Type: tensor.IQ3_K, rows: 4, size: 110, take: takeIQ3_K, put: putIQ3_K},
	"IQ4_K_R4":   {Type: tensor.IQ4_K, rows: 4, size: 144, take: takeIQ4_K, put: putIQ4_K},
	"IQ5_K_R4":   {Type: tensor.IQ5_K, rows: 4, size: 176, take: takeIQ5_K, put: putIQ5_K},
	"IQ4_KS_R4":  {Type: tensor.IQ4_KS, rows: 4, meta: 4, size: 136, take: takeIQ4_KS, put: putIQ4_KS},
	"IQ5_KS_R4":  {Type: tensor.IQ5_KS, rows: 4, meta: 4, size: 168, take: takeIQ5_KS, put: putIQ5_KS},
	"IQ2_XXS_R4": {Type: tensor.IQ2_XXS, rows: 4, size: 66, take: takeIQ2_XXS, put: putRaw},
	"IQ2_XS_R4":  {Type: tensor.IQ2_XS, rows: 4, size: 74, take: takeIQ2_XS, put: putRaw},
	"IQ2_S_R4":   {Type: tensor.IQ2_S, rows: 4, size: 82, take: takeIQ2_S, put: putRaw},
	"IQ3_XXS_R4": {Type: tensor.IQ3_XXS, rows: 4, size: 98, take: takeIQ3_XXS, put: putRaw},
	"IQ3_S_R4":   {Type: tensor.IQ3_S, rows: 4, size: 110, take: takeIQ3_S, put: putRaw},
	"IQ1_S_R4":   {Type: tensor.IQ1_S, rows: 4, meta: 2, size: 48, take: takeIQ1_S, put: putRaw},
}
