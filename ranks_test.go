package blitz_test

import (
	"os/exec"
	"strings"
	"testing"
)

// ranks order the packages: one imports only packages of a lower rank. See
// docs/ARCHITECTURE.md.
var ranks = map[string]int{
	"jinja": 0, "tokenizer": 0, "internal/tensor": 0, "internal/mapping": 0, "internal/message": 0, "internal/newfile": 0,
	"internal/spelling": 0, "internal/terminal": 0, "internal/golden": 0, "internal/database": 0, "internal/socket": 0, "internal/registry": 0, "grammar": 0, "internal/golden/fakehub": 0, "internal/golden/fakemcp": 0,
	"internal/filelock": 0, "internal/countdown": 0, "internal/ownfolder": 0, "internal/document/pdf": 0, "internal/task": 0, "internal/sandbox": 0, "internal/bill": 0, "internal/pagestore": 1, "internal/packed": 1, "internal/experts": 1,
	"chat": 1, "gguf": 1, "safetensors": 1, "internal/settings": 1, "internal/quant": 1, "internal/kvcache": 1, "internal/account": 1, "internal/fetch": 1, "internal/history": 1, "internal/mcp": 1, "internal/document": 1,
	"chat/output": 2, "internal/compressed": 2, "internal/ik": 2, "internal/importance": 2, "internal/dataset": 2, "internal/kernel": 2, "internal/golden/tiny": 2, "internal/golden/puppet": 3,
	"internal/adapter":    2,
	"internal/checkpoint": 3, "internal/policy": 3, "internal/weights": 3, "internal/sample": 3, "internal/machine": 3,
	"internal/hub": 4, "internal/quantize": 4, "internal/model": 4, "internal/selftest": 4,
	"internal/engine": 5, "internal/catalogue": 5, "internal/convert": 5, "internal/gather": 5, "internal/merge": 5, "internal/train": 5,
	"":                6,
	"internal/attest": 7, "internal/audit": 3,
	"internal/fault": 7, "internal/eval": 7, "internal/attach": 7,
	"internal/cluster": 8,
	"internal/fit":     8, "internal/server/wire": 8,
	"internal/host": 9, "internal/server/receipts": 9,
	"internal/server/inference": 10,
	"internal/server/openai":    11, "internal/server/anthropic": 11, "internal/server/ollama": 11, "internal/server/batch": 11, "internal/server/ui": 11,
	"internal/dataset/parquet": 1,
	"internal/train/trained":   6,
	"internal/train/grpo":      6,
	"internal/train/demo":      7,
	"internal/train/recipe":    7,
	"internal/train/report":    7,
	"internal/train/course":    3,
	"internal/train/letters":   1,
	"internal/signed":          0, "internal/transparency": 1, "receipt": 2, "receipt/usage": 3, "internal/oms": 4,
	"internal/reward": 2,
	"internal/server": 12,
	"serve":           13,
	"cmd/blitz":       14, "bench/load": 14, "bench/beside": 14, "bench/guesses": 14, "bench/plot": 14, "bench/shapes": 14, "bench/sparse": 14, "bench/train": 14, "internal/countdown/update": 14, "dist/release": 14,
}

func TestRanks(t *testing.T) {
	const module = "github.com/blitz-r1/blitz"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		rank, ok := ranks[name]
		if !ok {
			t.Errorf("package %s has no rank", fields[0])
			continue
		}
		for _, path := range fields[1:] {
			if !strings.HasPrefix(path, module) {
				continue
			}
			imported := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
			if r, ok := ranks[imported]; !ok || r >= rank {
				t.Errorf("package %s (rank %d) imports %s (rank %d)", fields[0], rank, path, r)
			}
		}
	}
}
