// Package seal opens what maintainers encrypt for their tool: values in the text form of age (age-encryption.org/v1), for
// the tool's own X25519 key. It knows keys and bytes; it does not know where keys are kept or what a value is for.
//
// The entry points are NewIdentity and Open. No error of this package has anything in it of a value, or of what was given
// in place of one.
package seal
