package status

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// SBOMs reads what is in images.
type SBOMs interface {
	// SBOM is what is written of an image, which is named by digest. The error is fs.ErrNotExist when it is gone.
	SBOM(ctx context.Context, image string) (SBOM, error)
}

// SBOM is what buildpacks wrote of what they put into an image.
type SBOM struct {
	// Components are the parts, sorted.
	Components []Component
	// Incomplete tells that there is more than is listed.
	Incomplete bool
	// Silent are the ids of buildpacks that wrote nothing.
	Silent []string
	// Unread are sentences about what cannot be read.
	Unread []string
}

// Component is one part of an image.
type Component struct {
	// Buildpack put it there, in its layer of that name if it has one.
	Buildpack, Layer string
	// Type, Name, Version, PURL (package URL) and Scope are CycloneDX'.
	Type          string
	Name, Version string
	PURL          string
	Scope         string
}

const (
	// sbomsAtOnce is how many are read at once, sbomTimeout how long one may take.
	sbomsAtOnce = 2
	sbomTimeout = 20 * time.Second
	// componentsShown bounds the page. The JSON has all.
	componentsShown = 3000
)

// sboms serves what is in the images that builds made.
type sboms struct {
	store store
	from  SBOMs
	pages pages
	slot  chan struct{}
}

func newSBOMs(p pages, from SBOMs) sboms {
	return sboms{p.store, from, p, make(chan struct{}, sbomsAtOnce)}
}

// errNoSBOM: there is nothing to show, for this reason.
type errNoSBOM string

func (e errNoSBOM) Error() string { return string(e) }

// read finds the build in the tool's records, and reads what is in its image.
func (s sboms) read(r *http.Request) (QueuedBuild, SBOM, error) {
	ctx, cancel := context.WithTimeout(r.Context(), sbomTimeout)
	defer cancel()
	build, err := s.store.build(ctx, r.PathValue("name"), r.PathValue("key"))
	switch {
	case err != nil:
		return build, SBOM{}, err
	case s.from == nil:
		return build, SBOM{}, errNoSBOM("what is in images is not shown here")
	case build.Image == "":
		return build, SBOM{}, errNoSBOM("this build has made no image")
	}
	found, err := s.from.SBOM(ctx, build.Image)
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoSBOM("the image of this build is not in the registry any more")
	}
	return build, found.plain(), err
}

// plain is an SBOM whose texts are as they may be shown.
func (s SBOM) plain() SBOM {
	s.Components = collect(s.Components, func(c Component) Component {
		return Component{Buildpack: message(c.Buildpack), Layer: message(c.Layer), Type: message(c.Type), Name: message(c.Name),
			Version: message(c.Version), PURL: message(c.PURL), Scope: message(c.Scope)}
	})
	s.Silent, s.Unread = collect(s.Silent, message), collect(s.Unread, message)
	return s
}

// serve answers with show, or with fail where there is nothing to show. Few are in memory at once, until they are sent.
func (s sboms) serve(r *http.Request, show func(QueuedBuild, SBOM), fail func(code int, why string)) {
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	default:
		fail(http.StatusServiceUnavailable, "too many lists of what is in images are being read at once; try again in a few seconds")
		return
	}
	build, found, err := s.read(r)
	var none errNoSBOM
	switch {
	case err == nil:
		show(build, found)
	case errors.Is(err, errNotFound):
		fail(http.StatusNotFound, "there is no such build, or nothing is known of it any more")
	case errors.As(err, &none):
		fail(http.StatusNotFound, none.Error())
	default:
		s.pages.log.Error(err, "an SBOM could not be read", "tool", r.PathValue("name"), "key", r.PathValue("key"))
		fail(http.StatusServiceUnavailable, "what is in the image cannot be read now: "+message(err.Error()))
	}
}

// serveJSON sends one document for the whole image, as CycloneDX has it.
func (s sboms) serveJSON(w http.ResponseWriter, r *http.Request) {
	answers := api{store: s.store, log: s.pages.log}
	s.serve(r, func(build QueuedBuild, found SBOM) {
		var body bytes.Buffer
		encoder := cdx.NewBOMEncoder(&body, cdx.BOMFileFormatJSON).SetEscapeHTML(false)
		if err := encoder.EncodeVersion(document(build, found), cdx.SpecVersion1_5); err != nil {
			answers.fail(w, err)
			return
		}
		write(w, http.StatusOK, "application/vnd.cyclonedx+json; version=1.5", body.Bytes())
	}, func(code int, why string) { answers.answer(w, code, Error{why}) })
}

// sbomPage lists what is in an image.
type sbomPage struct {
	frame
	QueuedBuild
	SBOM
	// All counts the components, of which the page has the first.
	All int
}

func (s sboms) servePage(w http.ResponseWriter, r *http.Request) {
	s.serve(r, func(build QueuedBuild, found SBOM) {
		page := sbomPage{s.pages.frame("What is in the image of " + build.Tool), build, found, len(found.Components)}
		page.Components = page.Components[:min(page.All, componentsShown)]
		s.pages.render(w, http.StatusOK, "sbom.html", page)
	}, func(code int, why string) {
		why = strings.ToUpper(why[:1]) + why[1:] + "."
		s.pages.render(w, code, "message.html", messagePage{s.pages.frame("Nothing to show"), why})
	})
}
