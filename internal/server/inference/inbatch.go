package inference

import "context"

type inBatchKey struct{}

// InBatch returns a context whose requests nobody waits for: they come behind those of
// others.
func InBatch(ctx context.Context) context.Context {
	return context.WithValue(ctx, inBatchKey{}, true)
}

func isInBatch(ctx context.Context) bool {
	in, _ := ctx.Value(inBatchKey{}).(bool)
	return in
}
