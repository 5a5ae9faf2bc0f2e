package inference

import "context"

type inBatchKey struct{}

// InBatch returns a context whose requests nobody waits for: they come behind those of
// others. line is a name that the request alone has, each time that it is asked, and that
// nobody can guess.
func InBatch(ctx context.Context, line string) context.Context {
	return context.WithValue(ctx, inBatchKey{}, line)
}

func isInBatch(ctx context.Context) bool { return lineOf(ctx) != "" }

// lineOf returns the name of a request of a batch; "": it is of none.
func lineOf(ctx context.Context) string {
	line, _ := ctx.Value(inBatchKey{}).(string)
	return line
}
