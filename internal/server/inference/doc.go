// Package inference is what stands between the dialects of the server and the engine:
// one form of request that every dialect fills in, one stream of events that each of
// them encodes, and between the two the steps that no dialect should know of: the model
// is leased, the request is counted, settings that were left open are the model's own,
// and what goes wrong becomes a wire.Error.
//
//	answers, err := service.Answer(ctx, &inference.Request{Model: "r1", Messages: …})
//	if err != nil { … }            // nothing was sent yet: a status
//	defer answers.Close()
//	for event, err := range answers.Events() { … }
//	usage := answers.Usage()
package inference
