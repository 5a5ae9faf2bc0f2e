// Package e2e holds the server against the official Go clients of OpenAI, Anthropic and
// Ollama, used as their documentation does. It is a module of its own, so that none of
// them is a dependency of Blitz.
package e2e
