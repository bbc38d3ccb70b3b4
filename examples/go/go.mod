module example.org/example-go

go 1.26.0

require golang.org/x/text v0.41.0
