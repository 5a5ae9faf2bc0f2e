// Package output reads what a model wrote: reasoning, content and tool calls. Each
// form of calls is a file named after the models that write it: deepseek.go,
// dsml.go, glm.go, hermes.go, kimi.go, llama.go.
package output
