// Package report tells the maintainers of tools by mail what became of their jobs, as `emails` in toolforge.yaml asks for: of
// runs that failed, were missed, started or ended, and of continuous jobs that crashed.
//
// It reads what others have written down, on the Jobs, their pods and the Tool, and notes on Jobs and CronJobs what it has
// told. It does not know why a run came to what it did, nor what a manifest is.
//
// The entry point is Mailer.
package report
