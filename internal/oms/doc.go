// Package oms signs models and verifies their signatures: OpenSSF Model Signing 1.0
// (ossf/model-signing-spec, spec/v1.0.md), a Sigstore bundle 0.3 around a DSSE envelope
// around an in-toto statement, with ECDSA keys or certificates.
//
// What is refused is a signed.Refusal; the order of the checks is: form of the bundle,
// its types, who signed, algorithm, signature, the statement, its names, its root, and
// then the files.
package oms
