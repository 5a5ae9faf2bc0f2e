// Package registry reads what registries of container images serve where they
// serve models: image manifests and indexes, the challenge of a registry that
// wants a token, Docker's credential file, and layers that are tar archives.
// It does no input or output but through the readers and writers it is given.
//
// Sources: OCI image specification 1.1 (manifest.md, image-index.md,
// descriptor.md), OCI distribution specification 1.1, the token authentication
// of the distribution registry, RFC 9110 section 11.
package registry

import "errors"

// ErrFormat says that a text or an archive is not what it should be.
var ErrFormat = errors.New("malformed")
