module github.com/toolforge/toolforged/testscripts/otherbuilder

go 1.26.0

require github.com/buildpacks/libcnb/v2 v2.1.0

require (
	github.com/BurntSushi/toml v1.5.0 // indirect
	github.com/Masterminds/semver v1.5.0 // indirect
	github.com/onsi/gomega v1.38.2 // indirect
)
