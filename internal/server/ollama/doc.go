// Package ollama speaks the API of Ollama: its clients find the models of the store under
// /api, and get lines of JSON.
//
// A body is decoded once: asked.go has what generate and chat have in common, options.go
// the settings, messages.go the turns. answer.go writes what comes.
package ollama
