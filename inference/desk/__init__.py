"""The analyst's desk: tables in files, runs in folders, reports for a reader. What the command does is here, and can be scripted."""
