// Package fetch gets bytes from an address that somebody else chose: small
// answers whole (Client.Get), large files resumable at any byte (Client.File).
//
// # Which addresses are asked
//
// A Client belongs to one pull and knows its first address, the base. What the
// base is (public, private, of this machine) is the most that a redirect may
// reach: a public hub can send a pull to other public hosts, never to a router,
// a cloud's metadata or a service of this machine. Literal addresses are looked
// at before anything is sent, in all the spellings that systems accept; names
// when they are dialled, by the IP that they stood for. Behind a proxy only the
// first is possible. Link-local addresses are never asked. What is not
// encrypted is asked only on this machine, and never after an encrypted answer.
//
// # Whose credentials
//
// A credential is bound to an origin: scheme, host and port. It goes with
// requests to that origin, and stays behind at a redirect to any other, also to
// a subdomain. Addresses in errors have no query, since signed ones are secrets
// too, and what a server says is shown without the credentials that it was sent.
//
// # What is tried again
//
// Connections that break or fall silent, 429, 408, 425 and 5xx are tried again,
// with growing pauses, and as late as the server asks (Retry-After, RateLimit).
// What another try cannot mend is an error at once.
package fetch
