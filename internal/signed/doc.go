// Package signed has what all signed texts share: JSON that is read strictly and has one
// canonical form (RFC 8785), envelopes (DSSE v1) around in-toto statements, key files as
// OpenSSL writes them, and refusals with a reason that programs can tell apart.
//
// All that is read here is hostile until it is checked: sizes come before memory, and a
// signature before what it signs is read.
package signed
