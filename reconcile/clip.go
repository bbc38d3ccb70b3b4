package reconcile

import "unicode/utf8"

// Bounds of what is told, in bytes. The API server refuses a condition's message of more than 32768 characters and an
// event's note of more than 1024 bytes; with them the whole status would be lost, or the event.
const (
	maxMessage = 8 << 10
	maxNote    = 1 << 10
	// Of one of many: a deployment's message, what was healed.
	maxReason = 512
)

// clip cuts text to at most limit bytes, between two characters, and shows that it did.
func clip(text string, limit int) string {
	const more = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
