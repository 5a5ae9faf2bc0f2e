// Package page drives the server's page in a real Chromium, against the real server with
// the puppet behind it. It finds things as a screen reader does, by role and accessible
// name, and any word on the console, any failed script and any request to another host
// fails a test.
//
// The program shots beside it saves pictures of each view.
package page
