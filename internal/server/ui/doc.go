// Package ui is the page that people work in, and the API that it speaks: /ui/api/.
//
// The page is one file, embedded packed (page.go). What it shows lies on the server: chats
// in internal/history, sessions in internal/account. An answer is an inference.Request like
// any other and goes on when the page is gone (runs.go); who looks at a chat sees it come
// (events.go).
//
// Everything belongs to the tenant of the caller: nothing of one is there for another.
package ui
